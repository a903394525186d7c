"""A run on disk: what was logged, line after line, until the store has it.

FOLDER/unsent-5f0c…/journal.jsonl   one entry a line, appended, never rewritten
FOLDER/unsent-5f0c…/sent.json       how far the store has it, and the run's id there
FOLDER/unsent-5f0c…/files/          artifacts that wait
FOLDER/unsent-5f0c…/lock            held by the process that writes, or sends

The folder's name is the run's key. A killed process leaves at most half a line, which nobody reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from scanml.errors import ArtifactError

UNSENT = "scanml-unsent"  # the folder of journals, beside the outputs
KEY_PREFIX = "unsent-"
KINDS = ("begin", "resume", "params", "metrics", "dataset", "artifact", "tags", "end")
MAX_LINE_BYTES = 4 << 20  # an experiment of 600 fields at MLflow's 6,000 characters each
_LINES, _SENT, _FILES = "journal.jsonl", "sent.json", "files"


@dataclass(frozen=True)
class Entry:
    """One call to a tracker. `values` as its kind needs them, `stop` the byte of the journal after it."""

    kind: str
    values: Mapping[str, Any]
    time_ms: int  # since 1970
    stop: int = 0


class Journal:
    """The run in `folder`, written and sent by one process at a time.

    Raises:
        ArtifactError: the folder cannot be written, or holds no journal.
    """

    def __init__(self, folder: Path, lock: IO[bytes]) -> None:
        self.folder = folder
        self.run_id: str | None = None  # in the store; None while it has none
        self.finished = False  # everything is in the store, or nobody tries any more
        self._position = 0
        self._lock = lock
        self._appending = threading.Lock()
        self._num_files = 0

    @property
    def key(self) -> str:
        """The run's name until the store gives it one; there it is the tag `scanml.run_key`."""
        return self.folder.name

    @classmethod
    def create(cls, place: Path, kind: str, values: Mapping[str, Any]) -> Journal:
        """A new run in `place`, that begins (`begin`) or goes on in one that the store knows (`resume`).

        `values` name its `store`, by which it is found again.
        """
        folder = place / f"{KEY_PREFIX}{time.time_ns():x}-{secrets.token_hex(4)}"  # names sort by time
        try:
            folder.mkdir(parents=True)
            journal = cls(folder, _hold(folder))
            journal.append(kind, {**values, "key": journal.key})
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot be written ({error.strerror}); free the place.") from error
        return journal

    @classmethod
    def open(cls, folder: Path) -> Journal | None:
        """A run that another process has left; None while that one still works on it, or where nothing was written.

        One that was killed is ended here, as KILLED at its last entry.
        """
        try:
            with contextlib.ExitStack() as mine:  # a damaged one is let go: another process may find it mended
                journal = cls(folder, mine.enter_context(_hold(folder)))
                last = deque(journal.waiting(), maxlen=1)
                if not last:
                    journal.remove()
                    return None
                if last[0].kind != "end":
                    journal._cut(last[0].stop)
                    journal.append("end", {"status": "KILLED"}, time_ms=last[0].time_ms)
                journal._recall()
                mine.pop_all()
        except BlockingIOError:
            return None
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot be read ({error.strerror}).") from error
        return journal

    def append(self, kind: str, values: Mapping[str, Any], *, time_ms: int | None = None) -> None:
        """Write an entry down, from any thread; an `OSError` where the disk is full."""
        line = {"kind": kind, "time_ms": time_ms or now_ms(), "values": values}
        with self._appending, (self.folder / _LINES).open("ab") as file:
            file.write(json.dumps(line, default=str).encode() + b"\n")

    def stage(self, path: Path) -> str:
        """Keep a file or folder until it is sent, even if it moves away; returns its place in the journal's folder.

        Hard links where the disk can: what a step has finished is replaced, never written into.
        """
        with self._appending:
            self._num_files += 1
            place = self.folder / _FILES / f"{self._num_files:04d}" / path.name
        place.parent.mkdir(parents=True)
        if path.is_dir():
            shutil.copytree(path, place, copy_function=_link)
        else:
            _link(str(path), str(place))
        return place.relative_to(self.folder).as_posix()

    def waiting(self) -> Iterator[Entry]:
        """The entries that the store does not have yet, in order."""
        stop = self._position
        with (self.folder / _LINES).open("rb") as file:
            file.seek(stop)
            while (line := file.readline(MAX_LINE_BYTES)).endswith(b"\n"):
                stop += len(line)
                yield self._parse(line, stop)
            if len(line) == MAX_LINE_BYTES:
                raise ArtifactError(f"{self.folder / _LINES}: a line of more than {MAX_LINE_BYTES} bytes; remove it.")

    def acknowledge(self, entry: Entry, run_id: str) -> None:
        """The store has everything up to `entry`, in its run `run_id`."""
        self._position, self.run_id = entry.stop, run_id
        fresh = self.folder / f"{_SENT}.new"
        fresh.write_text(json.dumps({"bytes": entry.stop, "run_id": run_id}))
        fresh.replace(self.folder / _SENT)
        if entry.kind == "artifact":
            shutil.rmtree(self.staged(entry).parent)

    def staged(self, entry: Entry) -> Path:
        """Where the artifact of `entry` waits; a path that leads out of `files/` is an `ArtifactError`."""
        path, files = self.folder / str(entry.values.get("path")), self.folder.resolve() / _FILES
        inside = [path, *path.rglob("*")] if path.is_dir() else [path]
        if not all(found.resolve().is_relative_to(files) for found in inside) or path.parent.parent.name != _FILES:
            raise ArtifactError(f"{self.folder / _LINES}: the artifact {path} leads out of {files}; remove this run.")
        return path

    def release(self) -> None:
        """Let another process send it."""
        self._lock.close()

    def remove(self) -> None:
        """Forget a run that the store has, and the folder of journals once it is empty."""
        self.finished = True
        with contextlib.suppress(OSError):
            (self.folder / _LINES).unlink()  # first: what stays behind is no journal
            shutil.rmtree(self.folder)
            self.folder.parent.rmdir()
        self.release()

    def _recall(self) -> None:
        if not (self.folder / _SENT).exists():
            return
        try:
            sent = json.loads((self.folder / _SENT).read_bytes())
            self._position, self.run_id = int(sent["bytes"]), str(sent["run_id"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArtifactError(f"{self.folder / _SENT}: damaged ({error}); remove it to send all again.") from error

    def _cut(self, stop: int) -> None:
        with (self.folder / _LINES).open("r+b") as file:
            file.truncate(stop)

    def _parse(self, line: bytes, stop: int) -> Entry:
        try:
            values = json.loads(line)
            entry = Entry(values["kind"], values["values"], int(values["time_ms"]), stop)
            if entry.kind not in KINDS or not isinstance(entry.values, dict):
                raise ValueError(f"unknown kind {entry.kind!r}")
            if entry.kind == "metrics" and not isinstance(entry.values["metrics"], dict):
                raise ValueError("metrics are no object")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            where = f"{self.folder / _LINES}, byte {stop - len(line)}"
            raise ArtifactError(f"{where}: expected an entry of a run ({error}); remove that line.") from error
        return entry


@dataclass(frozen=True)
class Waiting:
    """A run called `name` that waits in `folder` for `store`, whose password is left out."""

    folder: Path
    store: str
    name: str


def find_waiting(place: Path) -> list[Waiting]:
    """The runs that wait in `place`, the oldest first; one whose first line is damaged comes without a store."""
    return [_read_first(path.parent) for path in sorted(place.glob(f"{KEY_PREFIX}*/{_LINES}"))]


def is_key(run_id: str) -> bool:
    """Whether a run is named by its journal's key, because its store has not given it an id."""
    return run_id.startswith(KEY_PREFIX)


def now_ms() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


def _read_first(folder: Path) -> Waiting:
    try:
        with (folder / _LINES).open("rb") as file:
            values = json.loads(file.readline(MAX_LINE_BYTES))["values"]
        return Waiting(folder, str(values["store"]), str(values.get("run_name", folder.name)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Waiting(folder, "", folder.name)


def _hold(folder: Path) -> IO[bytes]:
    lock = (folder / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
