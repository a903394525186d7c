"""One process at a time in a folder on an object store, where there is no flock.

The lock is a create-only object with a heartbeat, numbered: who finds the latest one silent creates the next number,
which only one of several can, and whoever held the one before stops when it sees that.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import threading
import time
import uuid

from scanml.errors import ArtifactError, ScanmlError
from scanml.steps.store import Store

BEAT_SECONDS = 15.0  # three may be lost before the silence is long enough
SILENCE_SECONDS = 60.0  # longer than a compilation keeps the interpreter to itself
POLL_SECONDS = 2.0
_RELEASED = b" released"
_NUMBER = re.compile(r"[0-9]{6}")

_log = logging.getLogger(__name__)


class StoreLock:
    """The lock in the folder `store`; `token` is this holder's name, a new one each time."""

    def __init__(self, store: Store) -> None:
        self.token = uuid.uuid4().hex
        self._store = store
        self._number = 0
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="scanml lock", daemon=True)

    def acquire(self, *, mine: str | None) -> bool:
        """Take the lock, and say whether the last who had it was `mine`, a token whose holder is known to be dead.

        Waits for a holder that is silent until it may be taken over.

        Raises:
            ArtifactError: another process works there.
        """
        while True:
            latest = self._latest()
            before = self._store.read(_name(latest)) or b""
            was_mine = mine is not None and before.split()[:1] == [mine.encode()]
            if before and not was_mine and not self._is_free(latest, before):
                raise ArtifactError(
                    f"{self._store.uri}: another process works here ({before.decode(errors='replace')[:200]}); wait "
                    "or choose another --out."
                )
            self._number = latest + 1
            if self._store.create(_name(self._number), self._content(0)):
                self._beats.start()
                return was_mine

    def is_lost(self) -> bool:
        """Whether another process has taken over since."""
        return self._latest() > self._number

    def is_released(self) -> bool:
        """Whether nobody has it: there is none, or its last holder has let it go."""
        latest = self._latest()
        return not latest or (self._store.read(_name(latest)) or b"").endswith(_RELEASED)

    def release(self) -> None:
        """End the heartbeat, so that the lock can be taken at once, and the token still be known."""
        self.stop()
        try:
            if not self.is_lost():
                self._store.write(_name(self._number), self.token.encode() + _RELEASED)
        except ScanmlError as error:
            _log.warning("%s The lock there falls silent by itself.", error)

    def stop(self) -> None:
        """End the heartbeat."""
        self._ended.set()
        self._beats.join()

    def _is_free(self, number: int, before: bytes) -> bool:
        if before.endswith(_RELEASED):
            return True
        _log.info("%s: waiting up to %.0f s for a sign of its last holder", self._store.uri, SILENCE_SECONDS)
        until = time.monotonic() + SILENCE_SECONDS  # our own clock alone: those of other machines may differ
        while time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            now = self._store.read(_name(number))
            if now != before:
                return now is None or now.endswith(_RELEASED)
        return True

    def _beat(self) -> None:
        beat = 0
        while not self._ended.wait(BEAT_SECONDS):
            beat += 1
            try:
                if self.is_lost():
                    return
                self._store.write(_name(self._number), self._content(beat))
            except ScanmlError as error:
                _log.warning("%s The work goes on; after %.0f s another process may take it.", error, SILENCE_SECONDS)

    def _content(self, beat: int) -> bytes:
        return f"{self.token} of process {os.getpid()} on {platform.node()}, beat {beat}".encode()

    def _latest(self) -> int:
        return max((int(name) for name in self._store.listing() if _NUMBER.fullmatch(name)), default=0)


def _name(number: int) -> str:
    return f"{number:06d}"
