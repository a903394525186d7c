"""What comes out of a cache is what went in, or nothing: whatever was killed, flipped, full or removed in between."""

import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scanml.datasets.cache import FileCache, MemoryCache

SIZES = [(4, 6), (5, 5), (1, 1), (8, 3)]
HASHES = ["a", "b", "c", "d"]
HEADER = 16 + 8 * len(SIZES)


@pytest.fixture
def pictures(rng):
    return [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for size in SIZES]


def opened(folder, **other):
    return FileCache(folder, **{"hashes": HASHES, "sizes": SIZES} | other)


def filled(folder, pictures, **other):
    cache = opened(folder, **other)
    for index, pixels in enumerate(pictures):
        cache.put(index, pixels)
    return cache


def found(cache):
    return [index for index in range(len(SIZES)) if cache.get(index) is not None]


@pytest.mark.parametrize("kind", [lambda folder: MemoryCache(), opened])
def test_what_was_put_is_got_and_nothing_else(tmp_path, pictures, kind):
    cache = kind(tmp_path)
    assert found(cache) == []
    for index in (2, 0, 3):
        cache.put(index, pictures[index])
    assert found(cache) == [0, 2, 3]
    for index in (0, 2, 3):
        np.testing.assert_array_equal(cache.get(index), pictures[index])


def test_a_later_run_finds_it_and_goes_on(tmp_path, pictures):
    opened(tmp_path / "new" / "folder").put(1, pictures[1])
    later = opened(tmp_path / "new" / "folder")
    assert found(later) == [1]
    later.put(3, pictures[3])
    again = opened(tmp_path / "new" / "folder")
    assert found(again) == [1, 3]
    np.testing.assert_array_equal(again.get(1), pictures[1])
    np.testing.assert_array_equal(again.get(3), pictures[3])
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["pictures.cache"]


@pytest.mark.parametrize("other", [{"hashes": ["a", "b", "c", "e"]}, {"sizes": [(4, 6), (5, 5), (1, 1), (3, 8)]}])
def test_a_file_of_other_pictures_is_discarded(tmp_path, pictures, other):
    before = filled(tmp_path, pictures)
    assert found(opened(tmp_path, **other)) == []
    np.testing.assert_array_equal(before.get(0), pictures[0])  # who still reads the old file keeps it
    assert found(opened(tmp_path)) == []


@pytest.mark.parametrize("damage", [b"", b"x", b"x" * 400])
def test_a_file_that_is_none_of_ours_is_discarded(tmp_path, pictures, damage):
    (tmp_path / "pictures.cache").write_bytes(damage)
    cache = filled(tmp_path, pictures)
    assert found(cache) == found(opened(tmp_path)) == [0, 1, 2, 3]


@pytest.mark.parametrize("at", [16, 22, HEADER + 5, HEADER + 4 * 6 * 3 - 1])
def test_a_flipped_byte_is_noticed_said_and_mended(tmp_path, pictures, caplog, at):
    """In picture 0 or in its entry: the checksum, the mark above it."""
    filled(tmp_path, pictures)
    path = tmp_path / "pictures.cache"
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)
    cache = opened(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert found(cache) == [1, 2, 3]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: picture 0 differs from its checksum; it is decoded again."
    ]
    cache.put(0, pictures[0])
    np.testing.assert_array_equal(opened(tmp_path).get(0), pictures[0])


def test_an_entry_flipped_to_empty_or_written_is_not_believed(tmp_path, pictures):
    opened(tmp_path).put(0, pictures[0])
    path = tmp_path / "pictures.cache"
    data = bytearray(path.read_bytes())
    data[16 + 4], data[16 + 8 + 4] = 0, 1  # the marks of pictures 0 and 1
    path.write_bytes(data)
    assert found(opened(tmp_path)) == []


@pytest.mark.parametrize(
    ("max_bytes", "expected"), [(0, []), (HEADER + 71, []), (HEADER + 72, [0]), (10_000, [0, 1, 2, 3])]
)
def test_what_does_not_fit_is_not_kept(tmp_path, pictures, max_bytes, expected):
    cache = filled(tmp_path, pictures, max_bytes=max_bytes)
    assert found(cache) == expected
    assert (tmp_path / "pictures.cache").stat().st_size <= max(max_bytes, HEADER)


def test_half_of_the_free_disk_is_left_and_pictures_stay_where_they_were(tmp_path, pictures, monkeypatch):
    free = 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert found(filled(tmp_path, pictures)) == []
    free = 2 * (72 + 75)
    assert found(filled(tmp_path, pictures)) == [0, 1]
    free = 0
    again = filled(tmp_path, pictures)
    assert found(again) == [0, 1]  # what an earlier run wrote takes no further room
    np.testing.assert_array_equal(again.get(1), pictures[1])
    free = 2 * 3
    assert found(filled(tmp_path, pictures)) == [0, 1, 2]
    free = 10_000
    last = filled(tmp_path, pictures)
    assert found(last) == [0, 1, 2, 3]
    np.testing.assert_array_equal(last.get(3), pictures[3])


def test_memory_is_bounded_too(pictures):
    cache = MemoryCache(max_bytes=80)
    for index, pixels in enumerate(pictures):
        cache.put(index, pixels)
    assert found(cache) == [0, 2]  # 72 and 3 bytes


def test_a_full_disk_is_said_once_and_what_is_there_stays(tmp_path, pictures, caplog, monkeypatch):
    cache = opened(tmp_path)
    cache.put(0, pictures[0])

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with caplog.at_level(logging.WARNING):
        for index in (1, 2, 3):
            cache.put(index, pictures[index])
    assert found(cache) == [0]
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
    assert found(opened(tmp_path)) == [0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full_is_done_without(pictures, tmp_path, caplog):
    cache = opened(tmp_path)
    os.dup2(os.open("/dev/full", os.O_RDWR), cache._file)
    cache.put(0, pictures[0])
    assert found(cache) == []
    assert "No space left" in caplog.text


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path, pictures, caplog):
    (tmp_path / "file").touch()
    cache = filled(tmp_path / "file", pictures)
    assert found(cache) == []
    assert len(caplog.records) == 1


def test_the_folder_can_be_removed_at_any_time(tmp_path, pictures):
    cache = filled(tmp_path / "gone", pictures[:2])
    shutil.rmtree(tmp_path / "gone")
    cache.put(2, pictures[2])
    assert found(cache) == [0, 1, 2]
    assert found(opened(tmp_path / "gone")) == []


def test_threads_share_it(tmp_path, pictures):
    cache, wrong = opened(tmp_path), []

    def work(seed):
        rng = np.random.default_rng(seed)
        for index in rng.integers(0, 4, 300):
            pixels = cache.get(index)
            if pixels is None:
                cache.put(index, pictures[index])
            elif not np.array_equal(pixels, pictures[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert found(opened(tmp_path)) == [0, 1, 2, 3]


def test_a_run_killed_while_it_writes_leaves_whole_pictures_only(tmp_path):
    """The child writes pictures of one value each, ever others at the same place, until it is killed."""
    code = (
        "import sys, itertools, numpy as np\n"
        "from pathlib import Path\n"
        "from scanml.datasets.cache import FileCache\n"
        "cache = FileCache(Path(sys.argv[1]), list('abcdefgh'), sizes=[(700, 900)] * 8)\n"
        "for number in itertools.count():\n"
        "    cache.put(number % 8, np.full((700, 900, 3), number % 256, np.uint8))\n"
        "    if number == 20:\n"
        "        print('filled', flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"filled\n"
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    cache = FileCache(tmp_path, list("abcdefgh"), sizes=[(700, 900)] * 8)
    kept = {index: pixels for index in range(8) if (pixels := cache.get(index)) is not None}
    assert len(kept) >= 7  # all but the one that was being written
    for index, pixels in kept.items():
        assert pixels[0, 0, 0] % 8 == index and (pixels == pixels[0, 0, 0]).all()
