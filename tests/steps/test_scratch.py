"""Local copies of inputs on object stores: one a version, verified, used again."""

import os
import shutil
import time

import pytest

from scanml.errors import ArtifactError
from scanml.steps.scratch import KEEP_DAYS, fetched, scratch_folder
from scanml.steps.store import Store


@pytest.fixture
def store(bucket):
    store = Store(f"{bucket}/data")
    store.write("a.txt", b"one")
    store.write("deep/b.txt", b"two")
    return store


@pytest.fixture
def downloads(monkeypatch):
    """What is fetched, in order."""
    seen, download = [], Store.download
    monkeypatch.setattr(Store, "download", lambda *words: (seen.append(sorted(words[1])), download(*words))[1])
    return seen


def read(uri):
    with fetched(uri) as folder:
        return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_an_input_is_fetched_once_a_version(store, downloads):
    assert read(store.uri) == read(store.uri) == {"a.txt": "one", "deep/b.txt": "two"}
    assert len(downloads) == 1
    store.write("a.txt", b"new")
    store.delete(["deep/b.txt"])
    assert read(store.uri) == {"a.txt": "new"}
    assert len(downloads) == 2


def test_a_copy_that_lost_a_file_is_fetched_again(store, downloads):
    with fetched(store.uri) as folder:
        (folder / "a.txt").unlink()
    assert read(store.uri)["a.txt"] == "one"
    assert len(downloads) == 2


def test_two_readers_share_a_copy(store, downloads):
    with fetched(store.uri) as one, fetched(store.uri) as other:
        assert one == other
    assert len(downloads) == 1


def test_a_store_without_versions_is_read_each_time(downloads):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/data/a.txt", b"one")
    find = memory.find
    memory.find = lambda *words, **options: {k: {"size": v["size"]} for k, v in find(*words, **options).items()}
    try:
        assert read("memory://bucket/data") == read("memory://bucket/data") == {"a.txt": "one"}
    finally:
        del memory.find
        memory.rm("/bucket", recursive=True)
    assert len(downloads) == 2


def test_one_file_keeps_its_ending(store):
    with fetched(f"{store.uri}/a.txt") as path:
        assert path.name == "a.txt" and path.read_text() == "one"


def test_a_steps_output_is_what_its_report_says(bucket, finish, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model").write_text("weights")
    finish(tmp_path / "out", "train")
    store = Store(f"{bucket}/out")
    store.upload({path.name: path for path in (tmp_path / "out").iterdir()})
    assert set(read(store.uri)) == {"model", "report.json"}
    store.write("model", b"changed")
    with pytest.raises(ArtifactError, match="has changed since `scanml train` finished"):
        read(store.uri)


def test_nothing_there_and_nothing_finished_are_told_apart(bucket):
    with pytest.raises(ArtifactError, match="there is nothing"):
        read(f"{bucket}/data")
    Store(f"{bucket}/data").write("a.txt", b"half")
    Store(f"{bucket}/data.partial").write("plan/report.json", b"{}")
    with pytest.raises(ArtifactError, match="the step that writes it has not finished"):
        read(f"{bucket}/data")


def test_a_folder_of_somebody_else_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("SCANML_SCRATCH", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours = scratch_folder("inputs", "s3://bucket/a")
    assert ours.parents[1].stat().st_mode & 0o777 == 0o700
    assert scratch_folder("inputs", "s3://bucket/a") == ours != scratch_folder("inputs", "s3://bucket/A")
    shutil.rmtree(tmp_path / f"scanml-{os.getuid()}")
    user = os.getuid()
    (tmp_path / f"scanml-{user + 1}").mkdir()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    with pytest.raises(ArtifactError, match="belongs to another user"):
        scratch_folder("inputs", "s3://bucket/a")


def test_a_link_in_the_temporary_folder_is_not_followed(monkeypatch, tmp_path):
    monkeypatch.delenv("SCANML_SCRATCH", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "thesis").mkdir()
    (tmp_path / f"scanml-{os.getuid()}").symlink_to(tmp_path / "thesis")
    with pytest.raises(ArtifactError, match="expected a folder, found a link"):
        scratch_folder("inputs", "s3://bucket/a")
    assert not list((tmp_path / "thesis").iterdir())


def test_copies_long_unused_make_room_for_new_ones(store, bucket):
    for name in ("old", "read", "new"):
        Store(f"{bucket}/{name}").write("a.txt", b"x")
    days_ago = time.time() - (KEEP_DAYS + 1) * 24 * 3600
    with fetched(f"{bucket}/old") as old, fetched(f"{bucket}/read") as used:
        pass
    with fetched(f"{bucket}/read"):
        for copy in (old, used):
            os.utime(copy.parents[1] / "lock", (days_ago, days_ago))
        read(store.uri)
    assert not old.parents[1].exists() and (used / "a.txt").exists()
    with fetched(f"{bucket}/old") as again:  # no more than a new download
        assert (again / "a.txt").read_text() == "x"
