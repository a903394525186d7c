"""`python refuse_network.py LOG words…` is `scanml words…`, but no connection leads out: each try is noted in LOG."""

import ipaddress
import socket
import sys
from pathlib import Path

log, words = Path(sys.argv[1]), sys.argv[2:]
connect, resolve = socket.socket.connect, socket.getaddrinfo


def _refuse(target):
    with log.open("a") as file:
        file.write(f"{target}\n")
    raise OSError(f"refused: {target}")


def _is_loopback(host):
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guarded_connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        _refuse(address)
    return connect(self, address)


def guarded_resolve(host, *rest, **named):
    if not _is_loopback(host):
        _refuse(host)
    return resolve(host, *rest, **named)


log.touch()
socket.socket.connect = socket.socket.connect_ex = guarded_connect
socket.getaddrinfo = guarded_resolve

from scanml.cli import main  # noqa: E402 - after the guard

raise SystemExit(main(words))
