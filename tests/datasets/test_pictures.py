"""Pictures are read no larger than they can be shown, and what is read twice is the same from any cache."""

import logging

import cv2
import numpy as np
import pytest
from oracles.data_folder import picture
from oracles.tiny_pictures import source_of, split_of

from scanml.datasets import Split, open_split, write_shards
from scanml.datasets.pictures import Pictures
from scanml.errors import DataError


def pictures_of(split, *, image_size=(60, 80), most_zoom=1.0, cache_folder=None):
    return Pictures(split, image_size=image_size, most_zoom=most_zoom, cache_folder=cache_folder)


@pytest.mark.parametrize(
    ("size", "zoom", "expected"),
    [
        ((240, 320), 1.0, (60, 80)),  # a quarter is what can be shown
        ((240, 160), 1.0, (60, 40)),
        ((239, 319), 1.9, (120, 160)),  # half, rounded up: to make it 114×152 would save little
        ((240, 320), 1.4, (84, 112)),  # half has twice the pixels
        ((240, 320), 2.5, (150, 200)),
        ((240, 320), 3.0, (240, 320)),
        ((30, 40), 1.3, (30, 40)),
    ],
)
def test_a_picture_is_hardly_larger_than_it_can_be_shown_and_never_larger_than_it_was(size, zoom, expected):
    box = (0.0, 0.0, float(size[1]), size[0] / 2)
    pictures = pictures_of(split_of([picture(0, size)], [[box]]), most_zoom=zoom)
    assert pictures.sizes == [expected]
    assert pictures.most == expected
    assert pictures.pixels(0).shape == (*expected, 3)
    np.testing.assert_allclose(pictures.boxes(0), [[0, 0, expected[1], expected[0] / 2]])


@pytest.mark.parametrize(("zoom", "factor"), [(1.0, 4), (1.1, 2), (1.5, 2), (0.5, 8), (2.1, 1)])
def test_a_checked_jpeg_is_decoded_at_a_fraction_that_is_large_enough(zoom, factor, monkeypatch):
    """Decoding at a fraction and averaging afterwards agree: both are means over squares."""
    pixels = cv2.resize(picture(0, (240, 320)), (320, 240))
    split = split_of([pixels], [[]], suffix=".jpg", read_is_checked=True)
    flags = []
    decode = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda data, flag: flags.append(flag) or decode(data, flag))
    pictures = pictures_of(split, most_zoom=zoom)
    found = pictures.pixels(0)
    reduced = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }
    assert flags == [reduced[factor] | cv2.IMREAD_IGNORE_ORIENTATION]
    height, width = pictures.sizes[0]
    expected = cv2.resize(split.frame(0).pixels, (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(found.astype(int) - expected).mean() < 1.0  # a DCT's low frequencies are no exact mean


def test_a_checked_jpeg_that_is_not_of_its_records_size_is_refused():
    small, large = (split_of([picture(0, size)], [[]], suffix=".jpg") for size in ((60, 80), (240, 320)))
    mixed = Split("train", small.labels, small.records, large.read, read_is_checked=True)
    with pytest.raises(DataError, match="changed since"):
        pictures_of(mixed).pixels(0)


def test_shards_are_checked_and_stay_so_when_they_are_cut(tmp_path):
    split = split_of([picture(i) for i in range(3)], [[]] * 3, suffix=".jpg")
    write_shards(split, tmp_path / "shards", shard_megabytes=1)
    assert not split.read_is_checked
    assert open_split(tmp_path / "shards").read_is_checked
    assert open_split(tmp_path / "shards").first(2).read_is_checked


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_whose_bytes_nobody_checked_is_compared_with_its_hash(suffix):
    pixels = np.full((240, 320, 3), 90, np.uint8)  # survives JPEG unchanged
    split = split_of([pixels], [[]], suffix=suffix)
    np.testing.assert_array_equal(pictures_of(split).pixels(0), np.full((60, 80, 3), 90))
    other = split_of([pixels + 9], [[]], suffix=suffix)
    with pytest.raises(DataError, match="changed since"):
        pictures_of(Split("train", split.labels, split.records, other.read)).pixels(0)


@pytest.mark.parametrize("checked", [False, True])
def test_batches_are_the_same_from_memory_from_a_new_and_from_an_old_file(tmp_path, checked, caplog):
    split = split_of([picture(i, (90, 120)) for i in range(6)], [[]] * 6, read_is_checked=checked)
    memory, new = source_of(split), source_of(split, cache=tmp_path)
    expected = [memory.batch(step)["image"] for step in range(4)]
    np.testing.assert_array_equal([new.batch(step)["image"] for step in range(4)], expected)
    broken = Split("train", split.labels, split.records, lambda _: b"", checked)
    old = source_of(broken, cache=tmp_path)  # reads no picture
    np.testing.assert_array_equal([old.batch(step)["image"] for step in range(4)], expected)
    path = tmp_path / "pictures.cache"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        mended = source_of(split, cache=tmp_path)
        np.testing.assert_array_equal([mended.batch(step)["image"] for step in range(4)], expected)
    assert len(caplog.records) == 1
