"""Reading a file that somebody else put there: a plain one, so that nothing waits for ever, and not without bound."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scanml.errors import DataError


def read_plain(path: Path, *, max_megabytes: int | None = None) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: missing, unreadable, a pipe or device, or larger than `max_megabytes`.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path}: expected a file, found a pipe or device; remove it.")
            limit = status.st_size if max_megabytes is None else max_megabytes * 1_000_000
            data = b"" if status.st_size > limit else file.read(limit + 1)  # it may grow while it is read
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions.") from error
    if max_megabytes is not None and max(status.st_size, len(data)) > limit:
        raise DataError(f"{path}: larger than {max_megabytes} MB, which no such file needs; is it the right one?")
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe would wait for somebody who writes into it."""
    return os.open(path, flags | os.O_NONBLOCK)
