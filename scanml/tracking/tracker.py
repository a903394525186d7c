"""`Tracker`: where a run writes its numbers down. To nowhere, to a JSON Lines file, to several places at once."""

from __future__ import annotations

import contextlib
import json
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from scanml.errors import ArtifactError, ScanmlError
from scanml.files import write_whole

RunStatus = Literal["FINISHED", "FAILED", "KILLED", "RUNNING"]  # MLflow's words; the last: another goes on with it

_log = logging.getLogger(__name__)


class Tracker(Protocol):
    """One run. `close` may be called twice; the first call counts."""

    @property
    def run_id(self) -> str | None:
        """The run's id in its store, or the name by which it will be found there; None where there is no store."""
        ...

    def log_params(self, params: Mapping[str, object]) -> None:
        """Write down what was chosen: configs, or any JSON values."""
        ...

    def log_metrics(self, values: Mapping[str, float], *, step: int) -> None:
        """Write down numbers of update `step`."""
        ...

    def log_dataset(self, name: str, fingerprint: str, *, source: str) -> None:
        """Write down that data was read, and where it lay."""
        ...

    def log_artifact(self, path: Path) -> None:
        """Keep a file or a folder."""
        ...

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Mark the run with words to search for."""
        ...

    def close(self, status: RunStatus = "FINISHED") -> None:
        """Send what waits and end the run."""
        ...


T = TypeVar("T", bound=Tracker)


@contextlib.contextmanager
def recording(tracker: T) -> Iterator[T]:
    """The tracker, closed at the end: FINISHED, FAILED after an exception, KILLED after Ctrl-C or SIGTERM's exit.

    >>> with recording(NullTracker()) as tracker:
    ...     tracker.log_metrics({"loss": 0.5}, step=1)
    """
    try:
        yield tracker
    except BaseException as error:
        _close_after(error, tracker)
        raise
    tracker.close()


def _close_after(error: BaseException, tracker: Tracker) -> None:
    try:
        tracker.close("FAILED" if isinstance(error, Exception) else "KILLED")
    except ScanmlError as second:  # the first error is the one to read
        _log.warning("%s", second)


class NullTracker:
    """Writes nothing down."""

    @property
    def run_id(self) -> str | None:
        return None

    def log_params(self, params: Mapping[str, object]) -> None:
        pass

    def log_metrics(self, values: Mapping[str, float], *, step: int) -> None:
        pass

    def log_dataset(self, name: str, fingerprint: str, *, source: str) -> None:
        pass

    def log_artifact(self, path: Path) -> None:
        pass

    def set_tags(self, tags: Mapping[str, str]) -> None:
        pass

    def close(self, status: RunStatus = "FINISHED") -> None:
        pass


class JsonlTracker:
    """Appends one line `{"step": 7, "loss": 0.5}` to `path` per `log_metrics`; everything else is let go.

    A number that is not finite becomes null. A last line torn by a kill is dropped when the file is opened again.

    Raises:
        ArtifactError: the file cannot be written, or (`truncate_after`) a line of it is not such a line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_bytes() if path.exists() else b""
            if not text.endswith(b"\n"):
                write_whole(path, text[: text.rfind(b"\n") + 1])

    @property
    def run_id(self) -> str | None:
        return None

    def truncate_after(self, step: int) -> None:
        """Drop what was written after `step`: a resumed run writes those steps again."""
        with _writing(self._path):
            lines = self._path.read_bytes().splitlines(keepends=True)
            kept = [line for number, line in enumerate(lines, 1) if self._step(line, number) <= step]
            if len(kept) < len(lines):
                write_whole(self._path, b"".join(kept))

    def log_params(self, params: Mapping[str, object]) -> None:
        pass

    def log_metrics(self, values: Mapping[str, float], *, step: int) -> None:
        numbers = {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
        line = json.dumps({"step": step, **numbers}, allow_nan=False) + "\n"
        with _writing(self._path), self._path.open("ab") as file:
            file.write(line.encode())

    def log_dataset(self, name: str, fingerprint: str, *, source: str) -> None:
        pass

    def log_artifact(self, path: Path) -> None:
        pass

    def set_tags(self, tags: Mapping[str, str]) -> None:
        pass

    def close(self, status: RunStatus = "FINISHED") -> None:
        pass

    def _step(self, line: bytes, number: int) -> int:
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{self._path}, line {number}: expected an object with a step, received {line[:60]!r}; "
                "remove that line to resume."
            ) from error


class TeeTracker:
    """Writes to all of `trackers`, in order; its run id is the first that one of them has."""

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    @property
    def run_id(self) -> str | None:
        return next((tracker.run_id for tracker in self._trackers if tracker.run_id is not None), None)

    def log_params(self, params: Mapping[str, object]) -> None:
        for tracker in self._trackers:
            tracker.log_params(params)

    def log_metrics(self, values: Mapping[str, float], *, step: int) -> None:
        for tracker in self._trackers:
            tracker.log_metrics(values, step=step)

    def log_dataset(self, name: str, fingerprint: str, *, source: str) -> None:
        for tracker in self._trackers:
            tracker.log_dataset(name, fingerprint, source=source)

    def log_artifact(self, path: Path) -> None:
        for tracker in self._trackers:
            tracker.log_artifact(path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        for tracker in self._trackers:
            tracker.set_tags(tags)

    def close(self, status: RunStatus = "FINISHED") -> None:
        for tracker in self._trackers:
            tracker.close(status)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactError(f"{path} cannot be written: {error.strerror}; free the place or choose another.") from error
