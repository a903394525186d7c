"""What is broken is refused, and nothing but a DataError ever comes out."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import picture
from oracles.encoded import PIXELS, encode, files
from PIL import Image

from scanml.datasets.headers import is_upright, oddities, orientation
from scanml.datasets.images import decode_image, is_cut_short
from scanml.errors import DataError

FILES = files()


def with_exif(tiff):
    """A JPEG whose Exif block holds these bytes."""
    plain = encode("JPEG")
    content = b"Exif\0\0" + tiff
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + plain[2:]


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


TIFF = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHH", 1, 0x0112, 3, 1, 6, 0)


@pytest.mark.parametrize("data", FILES)
def test_a_file_that_is_cut_anywhere_is_refused(data):
    cuts = {*range(0, len(data), max(1, len(data) // 60)), *range(len(data) - 12, len(data))}
    for cut in sorted(cuts):
        with pytest.raises(DataError, match=r"photo\.jpg: "):
            decode_image(data[:cut], where="photo.jpg")


def test_a_cut_photo_with_a_whole_thumbnail_in_its_header_is_refused():
    thumbnail = encode("JPEG", pixels=PIXELS[:8, :8].copy())
    data = with_exif(b"II*\0\x08\0\0\0\0\0" + thumbnail)
    assert decode_image(data, where="").shape == (40, 60, 3)
    with pytest.raises(DataError, match="truncated"):
        decode_image(data[:-200], where="")


@pytest.mark.parametrize("data", FILES)
def test_what_follows_the_end_of_the_picture_does_not_matter(data):
    video = np.random.default_rng(0).bytes(100_000)
    np.testing.assert_array_equal(decode_image(data + video, where=""), decode_image(data, where=""))


def test_a_png_with_a_flipped_byte_is_refused():
    data = bytearray(encode("PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(DataError, match="damaged"):
        decode_image(bytes(data), where="")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"<html>not found</html>", "begins with b'<html>no'"),
        (b"\xff\xd8", "ends before its size"),
        (b"\x89PNG\r\n\x1a\n", "ends before its size"),
        (b"GIF89a" + bytes(50), "expected a JPEG or PNG image, received a GIF; save it as JPEG or PNG"),
        (encode("JPEG")[:300], "photo"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_received(data, message):
    with pytest.raises(DataError, match=message):
        decode_image(data, where="photo")


@pytest.mark.parametrize("width", [100_000, 2**32 - 1])
def test_a_header_that_claims_too_many_pixels_is_refused_before_decoding(width, monkeypatch):
    header = struct.pack(">IIBBBBB", width, 100_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IEND", b"")
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(DataError, match=f"{width}×100000 pixels are more than 100 megapixels"):
        decode_image(data, where="bomb.png")


def test_a_jpeg_that_hides_its_size_behind_a_marker_that_stands_alone_is_refused(monkeypatch):
    small, large = (bytes([8]) + struct.pack(">HH", side, side) + b"\3\1\x11\0\2\x11\0\3\x11\0" for side in (9, 60_000))
    frame = b"\xff\xc0" + struct.pack(">H", len(large) + 2)
    hidden = frame + large + b"\xff\xc0" + struct.pack(">H", len(small) + 2) + small
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(DataError, match="60000×60000"):
        decode_image(b"\xff\xd8\xff\x01" + hidden + b"\xff\xd9", where="")


@pytest.mark.parametrize(
    ("tiff", "expected"),
    [
        (TIFF, 6),
        (b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHH", 1, 0x0112, 3, 1, 6, 0), 6),
        (b"", 1),
        (TIFF[:7], 1),
        (TIFF[:9], 1),
        (TIFF[:20], 1),  # the entry is cut
        (TIFF.replace(b"\x01\0\x12", b"\xff\xff\x12"), 6),  # says 65535 entries
        (b"II*\0\xff\xff\xff\xff" + TIFF[8:], 1),  # the directory lies far outside
        (b"XX" + TIFF[2:], 1),
        (TIFF[:18] + b"\x09\0\0\0", 1),  # there is no orientation 9
        (TIFF[:18] + b"\0\0\0\0", 1),
    ],
)
def test_an_exif_block_that_is_cut_or_lies_leaves_the_picture_as_stored(tiff, expected):
    data = with_exif(tiff)
    assert orientation(data) == expected
    assert decode_image(data, where="").shape == ((60, 40, 3) if expected == 6 else (40, 60, 3))


def test_an_exif_chunk_after_the_pixels_of_a_png_counts():
    data = encode("PNG")
    late = data[:-12] + png_chunk(b"eXIf", TIFF) + data[-12:]
    assert decode_image(late, where="").shape == (60, 40, 3)


@settings(max_examples=300, deadline=None)
@given(
    which=st.integers(0, len(FILES) - 1),
    edits=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=0, max_size=6)), min_size=1, max_size=4),
)
def test_whatever_bytes_come_there_are_pixels_or_a_data_error(which, edits):
    data = FILES[which]
    for place, new in edits:
        at = int(place * len(data))
        data = data[:at] + new + data[at + len(new[:3]) :]  # changed, longer or shorter
    assert orientation(data) in range(1, 9)
    is_upright(data)
    oddities(data)
    try:
        pixels = decode_image(data, where="x")
    except DataError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"]), st.binary(max_size=200))
def test_bytes_without_a_picture_are_refused(start, data):
    orientation(start + data)
    with pytest.raises(DataError):
        decode_image(start + data, where="x")


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_ends_before_its_end_marker_is_noticed(mode, options):
    pixels = picture(1, (200, 300))
    pixels[150:] = 255  # a whole picture may end in one color as well
    with io.BytesIO() as file:
        Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
        data = file.getvalue()
    assert not is_cut_short(data, decode_image(data, where=""))
    if "progressive" not in options:
        cut = data[: len(data) // 2] + b"\xff\xd9"
        assert is_cut_short(cut, decode_image(cut, where=""))
