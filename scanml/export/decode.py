"""Encoded pictures → upright pixels inside a TensorFlow graph; for files on disk `datasets.images` does the same."""

from __future__ import annotations

import tensorflow as tf

from scanml.structures.arrays import Tensor

_EXIF, _IDAT, _IEND = (int.from_bytes(kind, "big") for kind in (b"eXIf", b"IDAT", b"IEND"))  # PNG's chunk types
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
    """Where the TIFF block of the first Exif APP1 segment before the scan starts and ends; 0, 0 if there is none."""
    size = _size(stored)

    def is_header(position: Tensor, start: Tensor, end: Tensor) -> Tensor:
        inside = (end == 0) & (position + 4 <= size)
        return inside & (_number(stored, position, 1) == 0xFF) & (_number(stored, position + 1, 1) != 0xDA)

    def advance(position: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        marker, length = _number(stored, position + 1, 1), _number(stored, position + 2, 2)
        named = (_number(stored, position + 4, 4) == 0x45786966) & (_number(stored, position + 8, 2) == 0)
        found = (marker == 0xE1) & named
        after = position + tf.where(marker == 0xFF, tf.constant(1, tf.int64), 2 + length)  # 0xFF 0xFF: fill byte
        return after, tf.where(found, position + 10, 0), tf.where(found, after, 0)

    _, start, end = tf.while_loop(is_header, advance, _from(2))
    return start, end


def _find_in_png(stored: Tensor) -> tuple[Tensor, Tensor]:
    """Where the eXIf chunk's data before the picture starts and ends; 0, 0 if there is none."""
    size = _size(stored)

    def is_header(position: Tensor, start: Tensor, end: Tensor) -> Tensor:
        kind = _number(stored, position + 4, 4)
        return (end == 0) & (position + 8 <= size) & (kind != _IDAT) & (kind != _IEND)

    def advance(position: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        length = _number(stored, position, 4)
        found = _number(stored, position + 4, 4) == _EXIF
        after = position + 12 + length
        return after, tf.where(found, position + 8, 0), tf.where(found, after - 4, 0)

    _, start, end = tf.while_loop(is_header, advance, _from(8))
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
    weights = tf.constant([256**place for place in reversed(range(size))], tf.int64)
    return tf.reduce_sum(
        tf.cast(tf.gather(padded, index), tf.int64) * tf.where(little, weights[::-1], weights), axis=-1
    )
