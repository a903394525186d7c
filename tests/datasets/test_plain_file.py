"""Whatever lies where a file is expected, reading it ends, and soon."""

import os

import pytest
from oracles.data_folder import write_folder

from scanml.datasets.plain_file import read_plain
from scanml.datasets.validate import inspect_folder
from scanml.errors import DataError


def test_a_file_is_read_up_to_a_size(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1_000_000)
    assert read_plain(path) == read_plain(path, max_megabytes=1) == path.read_bytes()
    path.write_bytes(b"x" * 1_000_001)
    with pytest.raises(DataError, match="a: larger than 1 MB"):
        read_plain(path, max_megabytes=1)


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, message in ((tmp_path / "pipe", "pipe or device"), (tmp_path, "directory"), (tmp_path / "b", "No such")):
        with pytest.raises(DataError, match=message):
            read_plain(path)
    with pytest.raises(DataError, match="pipe or device"):
        read_plain(tmp_path.__class__("/dev/zero"))


@pytest.mark.parametrize(
    "name", ["images/instances0.png", "images/stray.png", "instances.json", "triggers.jsonl", "taxonomy.json"]
)
def test_a_pipe_in_a_data_folder_is_a_finding(tmp_path, name):
    root = write_folder(tmp_path, instances=3)
    (root / "triggers.jsonl").write_text('{"image": "instances0.png", "present": ["sky"]}\n')
    (root / name).unlink(missing_ok=True)
    os.mkfifo(root / name)
    report, _ = inspect_folder(root)
    assert report.findings
    assert report.passed == (name == "images/stray.png")
