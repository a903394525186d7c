"""A folder of objects: there and back by exact names, hostile names refused, and every mistake in words."""

import errno
from collections import namedtuple

import pytest

from scanml.errors import ArtifactError, ConfigError
from scanml.steps import store as module
from scanml.steps.store import Store, local_or_uri

ODD_NAMES = ("a b.jpg", "deep/er/c.txt", "*", "[1]?.png", ".hidden", "é", "100%25")


@pytest.fixture
def store(bucket):
    return Store(f"{bucket}/folder")


@pytest.fixture
def new_clients():
    """Clients remember the environment in which they were made."""
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


def test_files_there_and_back_by_their_exact_names(store, tmp_path):
    for number, name in enumerate(ODD_NAMES):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_bytes(bytes(number))
    store.upload({name: tmp_path / "from" / name for name in ODD_NAMES})
    listing = store.listing()
    assert {name: stored.size for name, stored in listing.items()} == {name: i for i, name in enumerate(ODD_NAMES)}
    store.download(listing, tmp_path / "to")
    assert all((tmp_path / "to" / name).read_bytes() == bytes(i) for i, name in enumerate(ODD_NAMES))
    store.delete(["*", "never there"])  # one object, no pattern
    assert set(store.listing()) == set(ODD_NAMES) - {"*"}


def test_a_neighbor_with_the_same_beginning_is_not_in_the_folder(store):
    store.write("a", b"1")
    Store(f"{store.uri}.partial").write("b", b"2")
    assert list(store.listing()) == ["a"]


def test_another_version_has_another_mark(store):
    marks = []
    for data in (b"1", b"1", b"2"):
        store.write("a", data)
        marks.append(store.listing()["a"])
    assert marks[0] == marks[1] != marks[2]


def test_one_object_is_a_listing_without_names(store, tmp_path):
    store.write("lenses.json", b"[]")
    single = Store(f"{store.uri}/lenses.json")
    assert list(single.listing()) == [""]
    single.download(single.listing(), tmp_path / "here.json")
    assert (tmp_path / "here.json").read_bytes() == b"[]"


def test_what_is_not_there_reads_as_none_and_only_one_creates(store):
    assert store.read("a") is None
    assert [store.create("a", data) for data in (b"1", b"2")] == [True, False]
    assert store.read("a") == b"1"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["../../etc/passwd"], "leads out of the folder"),
        (["a/../../b"], "leads out of the folder"),
        (["a//b"], "leads out of the folder"),
        (["./a"], "leads out of the folder"),
        (["a", "a/b"], "'a' is an object and a folder at once"),
    ],
)
def test_hostile_names_are_refused(store, names, message):
    for name in names:
        store.write(name, b"x")
    with pytest.raises(ArtifactError, match=message):
        store.listing()


def test_marks_of_folders_are_no_files(store):
    store.write("a/", b"")
    assert store.listing() == {}


def test_more_than_the_disk_or_the_memory_holds_is_refused(store, tmp_path, monkeypatch):
    store.write("a", bytes(9))
    monkeypatch.setattr(module, "MAX_READ_BYTES", 8)
    with pytest.raises(ArtifactError, match="more than 8 bytes"):
        store.read("a")
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage(free=8))
    with pytest.raises(ArtifactError, match="larger disk in SCANML_SCRATCH"):
        store.download(store.listing(), tmp_path / "to")


def test_an_object_that_changes_while_it_is_read_is_noticed(store, tmp_path):
    store.write("a", b"before")
    listing = store.listing()
    store.write("a", b"afterwards")
    with pytest.raises(ArtifactError, match="folder/a: has changed while it was read"):
        store.download(listing, tmp_path / "to")


def test_a_full_disk_is_not_the_stores_mistake():
    with pytest.raises(OSError, match="No space left"), module.reaching("s3://bucket/folder"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("uri", ["nosuch://bucket/folder", "s3://bucket", "s3://bucket/a/../b"])
def test_a_uri_that_nothing_reads_is_a_mistake_in_the_command(uri):
    with pytest.raises(ConfigError, match=uri):
        Store(uri)


def test_a_missing_plug_in_names_the_extra(monkeypatch):
    import fsspec

    def missing(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(ConfigError, match=r"Install s3fs to access S3.*scanml\[s3\]"):
        Store("s3://bucket/folder")


def test_a_bucket_that_is_not_there_is_named(bucket):
    store = Store("s3://bucket-of-nobody/folder")
    for attempt in (store.listing, lambda: store.write("a", b"")):
        with pytest.raises(ArtifactError, match=r"bucket-of-nobody/folder.*no such bucket"):
            attempt()


def test_missing_credentials_are_said(bucket, new_clients, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ArtifactError, match="no credentials were found"):
        Store(f"{bucket}/folder").listing()


def test_a_store_that_does_not_answer_is_named(bucket, new_clients, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # discard: nobody listens
    with pytest.raises(ArtifactError, match=rf"{bucket}/folder: cannot be reached"):
        Store(f"{bucket}/folder").listing()


def test_refused_access_is_said():
    with pytest.raises(ArtifactError, match="access is refused"), module.reaching("s3://bucket/folder"):
        raise PermissionError("Access Denied")


def test_local_paths_stay_paths(tmp_path):
    assert local_or_uri(tmp_path) == local_or_uri(str(tmp_path)) == local_or_uri(f"file://{tmp_path}") == tmp_path
