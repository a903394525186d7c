"""The lock on an object store: one holder, who is heard; a silent one is taken over, by one of several."""

import threading
import time

import pytest

from scanml.errors import ArtifactError
from scanml.steps import store_lock as module
from scanml.steps.store import Store
from scanml.steps.store_lock import StoreLock

SILENCE = 0.6


@pytest.fixture
def store(bucket, monkeypatch):
    """Time passes a hundred times as fast."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.15)
    monkeypatch.setattr(module, "SILENCE_SECONDS", SILENCE)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    return Store(f"{bucket}/out.partial/lock")


def test_a_lock_whose_holder_lives_is_refused_and_free_after_it(store):
    first, second = StoreLock(store), StoreLock(store)
    assert not first.acquire(mine=None)
    with pytest.raises(ArtifactError, match="another process works here"):
        second.acquire(mine=None)
    first.release()
    before = time.monotonic()
    assert not StoreLock(store).acquire(mine=None)
    assert time.monotonic() - before < SILENCE


def test_a_silent_lock_is_taken_over_and_its_holder_notices(store):
    first, second = StoreLock(store), StoreLock(store)
    first.acquire(mine=None)
    first.stop()  # as if suspended
    second.acquire(mine=None)
    assert first.is_lost() and not second.is_lost()
    first.release()  # changes nothing for the second
    with pytest.raises(ArtifactError, match="another process"):
        StoreLock(store).acquire(mine=None)
    second.release()


def test_the_lock_of_a_dead_process_of_this_machine_is_free_at_once(store, monkeypatch):
    first = StoreLock(store)
    first.acquire(mine=None)
    first.stop()
    monkeypatch.setattr(module, "SILENCE_SECONDS", 3600.0)
    second = StoreLock(store)
    assert second.acquire(mine=first.token)
    second.release()


def test_an_empty_token_is_nobodys(store):
    first = StoreLock(store)
    first.acquire(mine=None)
    with pytest.raises(ArtifactError, match="another process"):
        StoreLock(store).acquire(mine="")  # its file was cut off by a kill
    first.release()


def test_of_several_one_takes_over(store):
    dead = StoreLock(store)
    dead.acquire(mine=None)
    dead.stop()
    holders, refused = [], []

    def contend():
        lock = StoreLock(store)
        try:
            lock.acquire(mine=None)
            holders.append(lock)
        except ArtifactError:
            refused.append(lock)

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(holders), len(refused)) == (1, 3)
    holders[0].release()


def test_an_outage_ends_no_heartbeat(store, monkeypatch, caplog):
    lock = StoreLock(store)
    lock.acquire(mine=None)
    with monkeypatch.context() as broken:
        broken.setattr(Store, "write", _fail)
        time.sleep(0.4)
    assert "The work goes on" in caplog.text
    before = store.read("000001")
    time.sleep(0.4)
    assert store.read("000001") != before
    lock.release()


def _fail(*_):
    raise ArtifactError("s3://bucket: cannot be reached.")
