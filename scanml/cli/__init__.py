"""The `scanml` command: words on a command line, exit codes, and the only place that prints."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from scanml.cli.parser import build_parser
from scanml.cli.quiet import quiet_tensorflow
from scanml.cli.say import PlainFormatter, say
from scanml.errors import ScanmlError
from scanml.training.interrupt import SIGTERM_EXIT

INTERRUPTED = 128 + signal.SIGINT  # as shells say it
_AGAIN_AFTER_SECONDS = 10  # longer than it takes to tidy up
_SHOWN_LETTERS = 80  # of a path that is too long


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 2 bad input, 3 refused, 130 and 143 interrupted."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        parsed = build_parser(words).parse_args(words)
        _prepare_process(quiet=parsed.quiet)
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except ScanmlError as error:
        say(f"scanml: {error}", to_stderr=True)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # any word may be a path, and pathlib asks the system for all of it
        if error.errno != errno.ENAMETOOLONG:
            raise
        say(f"scanml: {str(error.filename)[:_SHOWN_LETTERS]}…: {error.strerror}; name a shorter path.", to_stderr=True)
        return ScanmlError.exit_code
    except KeyboardInterrupt:
        say("scanml: interrupted; the same command goes on where it stopped.", to_stderr=True)
        return INTERRUPTED
    return code


def _prepare_process(*, quiet: bool) -> None:
    quiet_tensorflow()
    on_stderr = logging.StreamHandler()
    on_stderr.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(handlers=[on_stderr], level=logging.WARNING)
    logging.getLogger("scanml").setLevel(logging.WARNING if quiet else logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without → is no reason to fail
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _leave)


def _leave(_: int, __: FrameType | None) -> None:
    signal.alarm(_AGAIN_AFTER_SECONDS)  # Python drops what is raised inside a destructor or a callback: say it again
    raise SystemExit(SIGTERM_EXIT)
