"""Encoded pictures → upright pixels inside a TensorFlow graph; for files on disk `datasets.images` does the same."""

from __future__ import annotations

import tensorflow as tf

from scanml.structures.arrays import Tensor

_EXIF, _EXIF_CHUNK = int.from_bytes(b"Exif", "big"), int.from_bytes(b"eXIf", "big")
_APP1, _SCAN, _END = 0xE1, 0xDA, 0xD9  # JPEG markers (ITU-T T.81, table B.1)
_ORIENTATION = 0x0112  # the tag's number (EXIF 2.3, sec. 4.6.4)


def decode_upright(data: Tensor) -> Tensor:
    """The upright pixels, uint8 (H, W, 3) RGB, of a JPEG or PNG, a string (); alpha is dropped.

    Raises:
        tf.errors.InvalidArgumentError: neither JPEG nor PNG, or damaged.
    """
    pixels = tf.cond(
        tf.equal(tf.strings.substr(data, 0, 4), b"\x89PNG"),
        lambda: tf.io.decode_png(data, channels=3),
        # The accurate transform gives OpenCV's and Pillow's pixels; the default is off by up to 10 gray levels.
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
    )
    turned = [
        lambda: pixels,
        lambda: pixels[:, ::-1],
        lambda: pixels[::-1, ::-1],
        lambda: pixels[::-1],
        lambda: tf.transpose(pixels, (1, 0, 2)),
        lambda: tf.transpose(pixels[::-1], (1, 0, 2)),
        lambda: tf.transpose(pixels[::-1, ::-1], (1, 0, 2)),
        lambda: tf.transpose(pixels[:, ::-1], (1, 0, 2)),
    ]
    return tf.switch_case(read_orientation(data) - 1, turned)


def read_orientation(data: Tensor) -> Tensor:
    """The EXIF orientation 1…8, int32 (), of a JPEG or PNG, a string (); 1 where there is none or it makes no sense."""
    stored = _padded(tf.io.decode_raw(data, tf.uint8))
    is_png = tf.equal(tf.strings.substr(data, 0, 4), b"\x89PNG")
    start, end = tf.cond(is_png, lambda: _find_in_png(stored), lambda: _find_in_jpeg(stored))
    end = tf.minimum(end, _size(stored))
    return tf.cast(_read_tiff(_padded(stored[tf.minimum(start, end) : end])), tf.int32)


def _find_in_jpeg(stored: Tensor) -> tuple[Tensor, Tensor]:
    """Where the TIFF block of the first Exif APP1 segment before the pixels starts and ends; 0, 0 if there is none."""
    second = stored[1:]
    named = (second >= 0x02) & (second <= 0xFE) & ((second <= 0xCF) | (second >= 0xD8))  # see datasets.images
    segments = tf.where((stored[:-1] == 0xFF) & named)[:, 0]

    def find(position: Tensor) -> Tensor:
        following = tf.searchsorted(segments, position[None])[0]
        return tf.concat([segments, [_size(stored)]], axis=0)[following]

    def is_header(position: Tensor, start: Tensor, end: Tensor) -> Tensor:
        segment = find(position)
        marker = _number(stored, segment + 1, 1)
        return (end == 0) & (segment + 4 <= _size(stored)) & (marker != _SCAN) & (marker != _END)

    def advance(position: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        segment = find(position)
        stop = segment + 2 + _number(stored, segment + 2, 2)
        is_exif = (_number(stored, segment + 4, 4) == _EXIF) & (_number(stored, segment + 8, 2) == 0)
        found = (_number(stored, segment + 1, 1) == _APP1) & is_exif
        return tf.maximum(segment + 4, stop), tf.where(found, segment + 10, 0), tf.where(found, stop, 0)

    _, start, end = tf.while_loop(is_header, advance, _from(2))
    return start, end


def _find_in_png(stored: Tensor) -> tuple[Tensor, Tensor]:
    """Where the first eXIf chunk's data starts and ends; 0, 0 if there is none."""

    def is_chunk(position: Tensor, start: Tensor, end: Tensor) -> Tensor:
        return (end == 0) & (position + 12 + _number(stored, position, 4) <= _size(stored))

    def advance(position: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        after = position + 12 + _number(stored, position, 4)
        found = _number(stored, position + 4, 4) == _EXIF_CHUNK
        return after, tf.where(found, position + 8, 0), tf.where(found, after - 4, 0)

    _, start, end = tf.while_loop(is_chunk, advance, _from(8))
    return start, end


def _from(position: int) -> tuple[Tensor, Tensor, Tensor]:
    return tf.constant(position, tf.int64), tf.constant(0, tf.int64), tf.constant(0, tf.int64)


def _read_tiff(block: Tensor) -> Tensor:
    """The orientation in the first directory of a TIFF block, uint8 (K,); 1 where that is not well-formed."""
    size = _size(block)
    order = _number(block, 0, 2)
    little = order == 0x4949  # "II"; "MM" is big-endian
    start = _number(block, 4, 4, little=little)
    valid = (size >= 8) & (little | (order == 0x4D4D)) & (start + 2 <= size)
    first = tf.where(valid, start + 2, 0)
    count = tf.where(valid, _number(block, start, 2, little=little), 0)
    entries = tf.range(first, tf.maximum(first, tf.minimum(first + 12 * count, size - 11)), 12)
    tagged = tf.boolean_mask(entries, _number(block, entries, 2, little=little) == _ORIENTATION)
    value = tf.reduce_sum(_number(block, tagged[:1] + 8, 2, little=little))  # 0 where there is no such tag
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _padded(stored: Tensor) -> Tensor:
    """The bytes and a zero behind them, so that there is always one to read."""
    return tf.pad(stored, [[0, 1]])


def _size(padded: Tensor) -> Tensor:
    return tf.shape(padded, tf.int64)[0] - 1


def _number(padded: Tensor, position: Tensor, size: int, *, little: Tensor = False) -> Tensor:
    """The unsigned integers of `size` bytes at `position` (...), int64 (...); past the end whatever, never an error."""
    position = tf.convert_to_tensor(position, tf.int64)
    index = tf.clip_by_value(position[..., None] + tf.range(size, dtype=tf.int64), 0, _size(padded))
    powers = [256**place for place in range(size)]
    weights = tf.where(little, tf.constant(powers, tf.int64), tf.constant(powers[::-1], tf.int64))
    return tf.reduce_sum(tf.cast(tf.gather(padded, index), tf.int64) * weights, axis=-1)
