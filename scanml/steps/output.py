"""Where a step writes: one process at a time, never inside its inputs, and errors that name the place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

from scanml.errors import ArtifactError, ConfigError
from scanml.steps.report import REPORT, StepReport, is_finished, read_report
from scanml.steps.store import refuse_impossible

# What a step writes into OUT.partial, in the order in which it is removed: no work is left without its plan.
_OURS = ("before", "work", "plan", "lock")


class Output(Protocol):
    """What the contract needs of the place where OUT and OUT.partial are."""

    @property
    def place(self) -> str:
        """OUT, as it was named."""

    @property
    def partial(self) -> Path:
        """The folder with what is unfinished, as far as it is on this machine: plan/ and work/."""

    @property
    def beside(self) -> Path:
        """The folder for what outlives the step on this machine."""

    def finished(self) -> StepReport | None:
        """The report in OUT, if a step has finished there."""

    def holds_other_things(self) -> bool:
        """Whether OUT holds something, and no step has finished there."""

    def working(self) -> AbstractContextManager[None]:
        """Keep other processes out; `partial` holds what was left there."""

    def keep(self, path: Path) -> None:
        """Save a file of `partial`, if that can be lost with this machine."""

    def forget(self) -> None:
        """Empty the work folder."""

    def publish(self) -> None:
        """Make the work folder OUT, replacing what had finished there, and remove OUT.partial."""

    def tidy(self) -> None:
        """Remove an OUT.partial that was left beside a finished OUT, unless somebody works there."""


class LocalOutput:
    """OUT on a disk: what is unfinished lies beside it and becomes it in one move."""

    def __init__(self, folder: Path) -> None:
        if not folder.name:
            raise ConfigError(f"--out {folder}: expected a folder with a name; choose one below.")
        self.place, self.partial = str(folder), folder.with_name(folder.name + ".partial")
        refuse_impossible(self.partial / "work" / REPORT)
        self.beside = folder.parent
        self._folder = folder

    def finished(self) -> StepReport | None:
        return read_report(self._folder) if is_finished(self._folder) else None

    def holds_other_things(self) -> bool:
        folder = self._folder
        return folder.exists() and not is_finished(folder) and (not folder.is_dir() or any(folder.iterdir()))

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        with writing(self._folder):
            if others := _others_things(self.partial):
                raise ArtifactError(
                    f"{self.partial}: holds {', '.join(others[:5])}, which no step wrote; move it away or choose "
                    "another --out."
                )
            with locked(self.partial, place=self.place):
                yield

    def keep(self, path: Path) -> None:
        """Nothing to do: it lies where it is looked for."""

    def forget(self) -> None:
        shutil.rmtree(self.partial / "work", ignore_errors=True)

    def publish(self) -> None:
        work, folder, before = self.partial / "work", self._folder, self.partial / "before"
        try:
            if is_finished(folder):  # done again, by --fresh
                shutil.rmtree(before, ignore_errors=True)  # left by a --fresh that was killed right here
                _move(folder, before)
            _move(work, folder)
        except OSError:  # one that cannot be moved, such as a mounted one
            _replace_files(work, folder)
        remove_partial(self.partial)

    def tidy(self) -> None:
        with contextlib.suppress(ArtifactError, OSError):
            if self.partial.exists() and not _others_things(self.partial):
                with locked(self.partial):
                    remove_partial(self.partial)


def remove_partial(folder: Path) -> None:
    """Remove what a step wrote into its OUT.partial, and `folder` itself where that was all."""
    for path in (folder / name for name in _OURS):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _others_things(partial: Path) -> list[str]:
    """The names in an OUT.partial that are no step's."""
    names = {path.name for path in partial.iterdir()} if partial.is_dir() else set()
    if "work" in names and not is_finished(partial / "plan") and any((partial / "work").iterdir()):
        return ["work/ without a plan"]
    return sorted(names.difference(_OURS))


def _move(source: Path, target: Path) -> None:
    """Rename, but not the folder where somebody's shell is: it would be left in one that is gone."""
    for folder in (source, target):
        if Path.cwd().is_relative_to(folder.resolve()):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(folder))
    source.rename(target)


def _replace_files(source: Path, target: Path) -> None:
    """Make `target` hold what `source` does; while it is neither the old nor the new, it has no report."""
    target.mkdir(exist_ok=True)
    (target / REPORT).unlink(missing_ok=True)
    for path in target.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(REPORT))
    shutil.copy2(source / REPORT, target / f"{REPORT}.new")
    (target / f"{REPORT}.new").replace(target / REPORT)


@contextlib.contextmanager
def writing(output: Path, *, remedy: str = "choose another --out") -> Iterator[None]:
    """Turn what fails while `output` and its neighbors are written into an `ArtifactError` that names the place."""
    try:
        yield
    except OSError as error:  # also shutil.Error, a list of them
        where, full = str(error.filename or output), "No space left on device" in str(error)
        if not full and not where.startswith(str(output)):
            raise
        reason = "no space left on device" if full else error.strerror or error
        raise ArtifactError(f"{where}: cannot be written ({reason}); {remedy}.") from error


@contextlib.contextmanager
def locked(folder: Path, *, place: str | None = None) -> Iterator[None]:
    """One process at a time in `folder`, called `place` in words; the kernel lets go when the holder dies."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock_file(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise ArtifactError(
                f"{place or folder}: another process works here; wait or choose another --out."
            ) from error
        yield


@contextlib.contextmanager
def lock_file(folder: Path, operation: int) -> Iterator[IO[str]]:
    """`folder`/lock, opened and held by flock's `operation`; both are made where they are missing."""
    place = folder / "lock"
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with place.open("w") as lock:
            fcntl.flock(lock, operation)
            if _is_at(place, lock):  # else its last holder has removed it: a lock on that file keeps nobody out
                yield lock
                return


def _is_at(place: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(place.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def refuse_inside(output: Path | str, source: Path | str, name: str) -> None:
    """An output inside of an input would change that input, and never be found finished again."""
    if isinstance(output, Path) and isinstance(source, Path):
        inside = output.resolve().is_relative_to(source.resolve())
    else:
        inside = f"{output}/".startswith(f"{source}/")
    if inside:
        raise ConfigError(f"--out {output} lies inside --in {name}={source}, which would change; choose another --out.")
