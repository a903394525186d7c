"""What brings journals to their store: one thread for each store, and a wait at the end that is never long."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from scanml.errors import ArtifactError
from scanml.tracking.journal import Entry, Journal, Waiting
from scanml.tracking.mlflow_store import MAX_METRICS_PER_CALL, connect, write_entries
from scanml.tracking.stores import StoreError, is_local, reaching, without_password

if TYPE_CHECKING:
    from scanml.tracking.mlflow_store import MlflowClient

FLUSH_EVERY_SECONDS = 5.0  # a watcher's patience; one call to a store takes 3 ms (SQLite here) to 100 ms (a far server)
RETRY_AFTER_SECONDS = 1.0  # once, after a call that failed: a proxy's hiccup
TRY_AGAIN_SECONDS = 30.0  # a server that is restarted is back by then; refused connections cost nothing
PATIENCE_SECONDS = 3.0  # for a sign of life at the end of a step: a loaded server's first answer takes one or two
MAX_WAIT_SECONDS = 30.0  # for a store that answers, or is a file and cannot hang: `scanml sync` sends the rest
SLOWEST_BYTES_PER_SECOND = 2e6  # an upload gets this much more patience: 16 Mbit/s

_log = logging.getLogger(__name__)


def deliver(journal: Journal, client: MlflowClient, uri: str) -> Iterator[int]:
    """Send what waits in `journal`, in order; yields, before each call, how many bytes it uploads.

    What was sent is noted after each call. What nobody has seen the end of is sent again, which changes nothing there:
    a run is known by its key, a number by its step and time, a file by its name.

    Raises:
        ArtifactError: the store does not answer or refuses, or the journal is damaged.
    """
    for entries in _batches(journal.waiting()):
        artifact = journal.staged(entries[0]) if entries[0].kind == "artifact" else None
        yield _size(artifact)
        try:
            with reaching(uri):
                run_id = write_entries(client, journal.run_id, entries, artifact=artifact)
        except StoreError as error:
            if error.is_final:
                raise
            time.sleep(RETRY_AFTER_SECONDS)
            with reaching(uri):
                run_id = write_entries(client, journal.run_id, entries, artifact=artifact)
        journal.acknowledge(entries[-1], run_id)
        if entries[-1].kind == "end":
            journal.remove()
            return


class Sender:
    """Delivers the journals of this process to the store at `uri`, the oldest first.

    A store that fails is left alone for 30 s, again and again; one warning says where everything waits meanwhile. A
    run that cannot be sent (somebody deleted it in the store) is set aside, the others go on.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client: MlflowClient | None = None
        self._journals: list[Journal] = []
        self._state = threading.Condition()
        self._running = self._busy = self._nudged = self._away = False
        self._patient_until = 0.0  # monotonic: when a store that says nothing counts as one that hangs

    def add(self, journal: Journal) -> None:
        """Take a journal, to be sent as it grows."""
        with self._state:
            self._journals.append(journal)
            if not self._running:
                self._running = True
                self._expect(0)  # before the thread is busy: from here on the clock runs
                threading.Thread(target=self._run, name=f"scanml to {without_password(self.uri)}", daemon=True).start()
        self.nudge()

    def nudge(self) -> None:
        """Send now, not only every few seconds."""
        with self._state:
            if not self._busy:  # else the clock runs since the last sign of life
                self._expect(0)
            self._nudged = True
            self._state.notify_all()

    def wait(self, done: Callable[[], bool]) -> bool:
        """Wait until `done`, not for a store that is away or hangs, and in no case long; returns whether it is."""
        latest = time.monotonic() + MAX_WAIT_SECONDS
        with self._state:
            while not done() and not self._away:
                left = min(self._patient_until, latest) - time.monotonic()
                if left <= 0:
                    break
                self._state.wait(left)
            return done()

    def warn(self, reason: str, journal: Journal) -> None:
        """Say once that the store is away, where everything waits, and how to send it."""
        with self._state:
            said, self._away = self._away, True
        if not said:
            place = journal.folder.parent
            _log.warning(
                "%s The run goes on; what it logs waits in %s. Send it later: scanml sync %s", reason, place, place
            )

    def _run(self) -> None:
        while True:
            with self._state:
                self._busy, self._nudged = True, False
            pause = FLUSH_EVERY_SECONDS if self._deliver_all() else TRY_AGAIN_SECONDS
            with self._state:
                self._busy = False
                if not self._journals:
                    self._running = False
                    return
                self._state.wait_for(lambda: self._nudged and not self._away, pause)

    def _deliver_all(self) -> bool:
        """Send what waits in every journal; False once the store fails."""
        with self._state:
            journals = list(self._journals)
        for journal in journals:
            try:
                self._deliver(journal)
            except (ArtifactError, OSError) as error:
                if isinstance(error, StoreError) and not error.is_final:
                    self.warn(str(error), journal)
                    self._answered()
                    return False
                if journal.folder.exists():  # else somebody has removed it, and knows
                    _log.warning("%s It is left in %s.", error, journal.folder)
                journal.finished = True  # and still locked: this process does not try it again
            if journal.finished:
                with self._state:
                    self._journals.remove(journal)
            self._answered()
        return True

    def _deliver(self, journal: Journal) -> None:
        client = self._client = self._client or connect(self.uri)
        asked = False
        for num_bytes in deliver(journal, client, self.uri):
            asked = True
            self._answered(num_bytes)
        if asked and self._away:
            with self._state:
                self._away = False
            _log.info("MLflow store %s is back.", without_password(self.uri))

    def _answered(self, num_bytes: int = 0) -> None:
        """A sign of life; the next one may take its time for `num_bytes`."""
        with self._state:
            self._expect(num_bytes)
            self._state.notify_all()

    def _expect(self, num_bytes: int) -> None:
        patience = MAX_WAIT_SECONDS if is_local(self.uri) else PATIENCE_SECONDS
        self._patient_until = time.monotonic() + patience + num_bytes / SLOWEST_BYTES_PER_SECOND


def send(waiting: Waiting, uri: str) -> str | None:
    """Send a run that waits to the store at `uri`, now; its id there, or None while another process works on it.

    Raises:
        ArtifactError: as `deliver`; what was sent until then is noted.
    """
    journal = Journal.open(waiting.folder)
    if journal is None:
        return None
    try:
        for _ in deliver(journal, connect(uri), uri):
            pass
    except OSError as error:
        raise ArtifactError(f"{waiting.folder}: cannot be read or written ({error.strerror}).") from error
    finally:
        journal.release()
    return journal.run_id


@functools.cache
def sender_to(uri: str) -> Sender:
    """This process's sender to the store at `uri`."""
    return Sender(uri)


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Entries one by one, but metrics as many as go into one call."""
    batch: list[Entry] = []
    num_metrics = 0
    for entry in chain(entries, [None]):
        size = len(entry.values.get("metrics", ())) if entry and entry.kind == "metrics" else 0
        if batch and (not size or num_metrics + size > MAX_METRICS_PER_CALL):
            yield batch
            batch, num_metrics = [], 0
        if size and entry:
            batch.append(entry)
            num_metrics += size
        elif entry:
            yield [entry]


def _size(path: Path | None) -> int:
    if path is None:
        return 0
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
