"""`mlflow server` with PostgreSQL, as a team runs it, for the time of a test: loopback only, always stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # where Debian puts them


def why_not():
    """The reason why PostgreSQL cannot be started here; None where it can."""
    if not PROGRAMS:
        return "PostgreSQL's server is not installed (Debian: postgresql)"
    if os.getuid() == 0 and not shutil.which("runuser"):
        return "PostgreSQL refuses root, and there is no runuser"
    return None


@contextlib.contextmanager
def postgresql():
    """A new database; yields its URI."""
    programs, port = PROGRAMS[-1].parent, free_port()
    user = "postgres" if os.getuid() == 0 else None
    data = Path(tempfile.mkdtemp(prefix="scanml-postgresql-"))  # pytest's folders are closed to other users
    if user:
        shutil.chown(data, user)

    def run(program, *words):
        as_user = ["runuser", "-u", user, "--"] if user else []
        done = subprocess.run(
            [*as_user, str(programs / program), "-D", str(data), *words], cwd="/", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run("initdb", "--username=scanml", "--auth=trust", "--no-sync", "--encoding=UTF8")
        settings = f"-h 127.0.0.1 -p {port} -c fsync=off -c unix_socket_directories="
        run("pg_ctl", "-w", "-l", str(data / "log"), "-o", settings, "start")
        try:
            yield f"postgresql+psycopg2://scanml@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(data)


@contextlib.contextmanager
def mlflow_server(folder, database):
    """`mlflow server` on that database; yields its URI."""
    port = free_port()
    words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=folder, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        _wait_for(uri, server, folder / "server.log")
        yield uri
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # its workers too
        server.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def _wait_for(uri, server, log):
    until = time.monotonic() + 180  # ten seconds where nothing else runs
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{uri}/health", timeout=5).close()
            return
        time.sleep(0.2)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-2000:]}")
