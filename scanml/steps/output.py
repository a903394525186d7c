"""Where a step writes: one process at a time, never inside its inputs, and errors that name the place."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from scanml.errors import ArtifactError, ConfigError


@contextlib.contextmanager
def writing(output: Path) -> Iterator[None]:
    """Turn what fails while `output` and its neighbors are written into an `ArtifactError` that names the place."""
    try:
        yield
    except OSError as error:  # also shutil.Error, a list of them
        where, full = str(error.filename or output), "No space left on device" in str(error)
        if not full and not where.startswith(str(output)):
            raise
        reason = "no space left on device" if full else error.strerror or error
        raise ArtifactError(f"{where}: cannot be written ({reason}); choose another --out.") from error


@contextlib.contextmanager
def locked(partial: Path) -> Iterator[None]:
    """One process at a time in `partial`; the kernel lets go of the lock when its holder dies."""
    partial.mkdir(parents=True, exist_ok=True)
    with (partial / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArtifactError(f"{partial}: another process works here; wait or choose another --out.") from error
        yield


def refuse_inside(output: Path, source: Path, name: str) -> None:
    """An output inside of an input would change that input, and never be found finished again."""
    if output.resolve().is_relative_to(source.resolve()):
        raise ConfigError(f"--out {output} lies inside --in {name}={source}, which would change; choose another --out.")
