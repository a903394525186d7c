"""OUT on an object store: made in a scratch folder, uploaded with its report last.

OUT.partial/ there holds plan/, what the step asked to keep of work/, and lock/. The scratch folder of a machine that
was killed is used again if nobody has worked since; any other one begins with what OUT.partial/ holds.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from scanml.errors import ArtifactError
from scanml.steps.output import locked, writing
from scanml.steps.report import REPORT, StepReport, parse_report
from scanml.steps.scratch import REMEDY, scratch_folder
from scanml.steps.store import Store
from scanml.steps.store_lock import StoreLock

_LOCK = "lock"
_TOKEN = "token"  # the name of the last lock under which this scratch folder was complete

_log = logging.getLogger(__name__)


class StoreOutput:
    """OUT at a URI; see `Output`."""

    def __init__(self, uri: str) -> None:
        self.place = uri
        self._out, self._unfinished = Store(uri), Store(f"{uri}.partial")
        self._scratch = scratch_folder("outputs", uri)
        self.partial = self._scratch / "out.partial"
        self.beside = self._scratch.parents[1]  # where all scratch folders are
        self._lock = StoreLock(Store(f"{uri}.partial/{_LOCK}"))
        self._keeping = threading.Lock()
        self._published = self._cleared = False

    def finished(self) -> StepReport | None:
        data = self._out.read(REPORT)
        return None if data is None else parse_report(data, where=f"{self.place}/{REPORT}")

    def holds_other_things(self) -> bool:
        listing = self._out.listing()
        return bool(listing) and REPORT not in listing

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        token = self.partial / _TOKEN
        with writing(self._scratch, remedy=REMEDY), locked(self.partial, place=self.place):
            # We hold flock: whoever has written this token here is dead, its lock need not fall silent first.
            was_mine = self._lock.acquire(mine=token.read_text() if token.exists() else None)
            try:
                if not was_mine:
                    self._restore()
                token.write_text(self._lock.token)
                yield
            finally:
                if self._published:
                    shutil.rmtree(self._scratch, ignore_errors=True)
                if not self._cleared:
                    self._lock.release()

    def keep(self, path: Path) -> None:
        try:
            with self._keeping:  # in the order in which they were asked for
                lost = self._lock.is_lost()
                if not lost:
                    self._unfinished.write(path.relative_to(self.partial).as_posix(), path.read_bytes())
        except ArtifactError as error:
            _log.warning("%s %s was not saved there; the work goes on.", error, path.name)
            return
        if lost:
            self._refuse_lost()

    def forget(self) -> None:
        shutil.rmtree(self.partial / "work", ignore_errors=True)
        self._unfinished.delete([name for name in self._unfinished.listing() if name.startswith("work/")])

    def publish(self) -> None:
        work = self.partial / "work"
        files = {path.relative_to(work).as_posix(): path for path in work.rglob("*") if path.is_file()}
        report = {REPORT: files.pop(REPORT)}
        if self._lock.is_lost():
            self._refuse_lost()
        before = self._out.listing()
        self._out.delete(name for name in before if name == REPORT)  # first of all: from here on it is unfinished
        self._out.delete(name for name in before if name not in files)
        self._out.upload(files)
        found = {name: stored.size for name, stored in self._out.listing().items()}
        if found != {name: path.stat().st_size for name, path in files.items()} or self._lock.is_lost():
            self._refuse_lost()
        self._out.upload(report)
        self._published = True
        self._lock.stop()
        left = list(self._unfinished.listing())
        self._unfinished.delete(name for name in left if not name.startswith(f"{_LOCK}/"))
        self._unfinished.delete(name for name in left if name.startswith(f"{_LOCK}/"))  # until here nobody may begin
        self._cleared = True

    def tidy(self) -> None:
        """What a deletion that failed has left goes; not what a lock may guard that nobody has let go."""
        with contextlib.suppress(ArtifactError):
            left = [name for name in self._unfinished.listing() if name.startswith(("plan/", "work/"))]
            if left and self._lock.is_released():
                self._unfinished.delete(left)

    def _restore(self) -> None:
        """Begin with what is kept on the store, and nothing else."""
        for path in self.partial.iterdir():
            if path.name != "lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        kept = {name: s for name, s in self._unfinished.listing().items() if name.startswith(("plan/", "work/"))}
        if kept:
            _log.info("%s: going on with what is kept in %s", self.place, self._unfinished.uri)
        self._unfinished.download(kept, self.partial)

    def _refuse_lost(self) -> None:
        raise ArtifactError(
            f"{self.place}: another process has taken this work over, or changed what was written; leave it to that "
            "one, or give the same command again when it has ended."
        )
