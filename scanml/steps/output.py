"""Where a step writes: one process at a time, never inside its inputs, and errors that name the place."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from scanml.errors import ArtifactError, ConfigError
from scanml.steps.report import REPORT, StepReport, is_finished, read_report


class Output(Protocol):
    """What the contract needs of the place where OUT and OUT.partial are."""

    @property
    def place(self) -> str:
        """OUT, as it was named."""

    @property
    def partial(self) -> Path:
        """The folder with what is unfinished, as far as it is on this machine: plan/ and work/."""

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
        self.place, self.partial = str(folder), folder.with_name(folder.name + ".partial")
        self._folder = folder

    def finished(self) -> StepReport | None:
        return read_report(self._folder) if is_finished(self._folder) else None

    def holds_other_things(self) -> bool:
        folder = self._folder
        return folder.exists() and not is_finished(folder) and (not folder.is_dir() or any(folder.iterdir()))

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        with writing(self._folder), locked(self.partial, place=self.place):
            yield

    def keep(self, path: Path) -> None:
        """Nothing to do: it lies where it is looked for."""

    def forget(self) -> None:
        shutil.rmtree(self.partial / "work", ignore_errors=True)

    def publish(self) -> None:
        work, folder = self.partial / "work", self._folder
        if is_finished(folder):  # done again, by --fresh
            shutil.rmtree(self.partial / "before", ignore_errors=True)  # left by a --fresh that was killed right here
            folder.rename(self.partial / "before")
        try:
            work.rename(folder)
        except OSError:  # a mounted folder: files are copied, the report last
            shutil.copytree(work, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(REPORT))
            shutil.copy2(work / REPORT, folder / f"{REPORT}.new")
            (folder / f"{REPORT}.new").replace(folder / REPORT)
        shutil.rmtree(self.partial)

    def tidy(self) -> None:
        if self.partial.exists():
            with contextlib.suppress(ArtifactError, OSError), locked(self.partial):
                shutil.rmtree(self.partial)


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
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArtifactError(
                f"{place or folder}: another process works here; wait or choose another --out."
            ) from error
        yield


def refuse_inside(output: Path | str, source: Path | str, name: str) -> None:
    """An output inside of an input would change that input, and never be found finished again."""
    if isinstance(output, Path) and isinstance(source, Path):
        inside = output.resolve().is_relative_to(source.resolve())
    else:
        inside = f"{output}/".startswith(f"{source}/")
    if inside:
        raise ConfigError(f"--out {output} lies inside --in {name}={source}, which would change; choose another --out.")
