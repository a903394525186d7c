from __future__ import annotations

import struct

import numpy as np
import pytest
import tensorflow as tf
from oracles.tiny_scene import encode, every_encoding, textured

from scanml.datasets.headers import orientation
from scanml.datasets.images import decode_image
from scanml.export.decode import decode_upright, read_orientation

PICTURES = every_encoding(textured(np.random.default_rng(3), 45, 61))


@pytest.fixture(scope="module")
def decode():
    return tf.function(decode_upright, [tf.TensorSpec((), tf.string)], autograph=False)


@pytest.fixture(scope="module")
def read():
    return tf.function(read_orientation, [tf.TensorSpec((), tf.string)], autograph=False)


@pytest.mark.parametrize("name", PICTURES)
def test_the_graph_decodes_the_pixels_that_the_disk_reader_does(decode, name):
    expected = decode_image(PICTURES[name], where=name)
    np.testing.assert_array_equal(decode(PICTURES[name]), expected)  # same libjpeg arithmetic: equal, not close


def test_the_orientations_are_turned_apart():
    upright = {decode_image(PICTURES[f"orientation {o}.jpg"], where="").tobytes() for o in range(1, 9)}
    assert len(upright) == 8


def test_the_tag_is_found_behind_other_segments(read):
    tagged = encode(textured(np.random.default_rng(1), 20, 30), "JPEG", orientation=6)
    xmp = b"\xff\xe1" + struct.pack(">H", 2 + 40) + b"http://ns.adobe.com/xap/1.0/\0".ljust(40, b" ")
    comment = b"\xff\xff\xfe" + struct.pack(">H", 2 + 5) + b"hello"  # a fill byte before its marker
    data = tagged[:2] + xmp + comment + tagged[2:]
    assert orientation(data) == 6
    assert int(read(data)) == 6


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\x00", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_has_no_tag_is_upright(read, data):
    assert int(read(data)) == 1


def test_both_readers_agree_on_damaged_headers(read):
    rng = np.random.default_rng(7)
    pixels = textured(rng, 8, 8)
    whole = [encode(pixels, "JPEG", orientation=o, endian=endian) for o in (3, 6, 8) for endian in "<>"]
    seen = set()
    for turn in range(600):
        data = bytearray(whole[turn % len(whole)])
        for place in rng.integers(2, 110, rng.integers(1, 4)):
            data[place] = rng.choice([rng.integers(256), 0x00, 0xFF, 0xDA, 0xE1])
        data = bytes(data[: rng.integers(4, 150)] if rng.random() < 0.3 else data)
        assert int(read(data)) == orientation(data), data[:120]
        seen.add(orientation(data))
    assert seen >= {1, 3, 6, 8}
