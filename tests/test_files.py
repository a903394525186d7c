"""Files are replaced whole or not at all, and known by names and contents."""

import errno

import pytest

from scanml.files import fingerprint_files, write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / ("n" * 255)
    write_whole(path, "été")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    write_whole(path, "one")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "two")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_of_linked_folders_only_those_of_raw_data_are_entered(tmp_path):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    (data / "other").symlink_to(elsewhere)
    (data / "images").symlink_to(elsewhere)
    (elsewhere / "deep").symlink_to("/")
    empty = fingerprint_files(data)
    (elsewhere / "a.jpg").write_text("a")
    counted = fingerprint_files(data)
    assert counted != empty
    (data / "other").unlink()
    assert fingerprint_files(data) == counted
