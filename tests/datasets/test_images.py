"""Pixels are upright whatever the file says; what is broken is refused, and nothing but a DataError ever comes out."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import picture
from PIL import Image, ImageOps

from scanml.datasets.images import (
    decode_image,
    difference_hash,
    is_upright,
    orientation,
    pixel_hash,
    read_image,
    stored_size,
    turn_boxes,
    upright,
)
from scanml.errors import DataError

PIXELS = picture(3)


def encode(kind, *, mode="RGB", turn=None, pixels=PIXELS, **options):
    buffer = io.BytesIO()
    if turn is not None:
        exif = Image.Exif()
        exif[0x0112] = turn
        options["exif"] = exif
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


FILES = [
    encode("JPEG", turn=6, quality=90),
    encode("JPEG", mode="L"),
    encode("JPEG", mode="CMYK"),
    encode("JPEG", progressive=True),
    encode("PNG", turn=5),
    encode("PNG", mode="RGBA"),
    encode("PNG", mode="P"),
]


def with_exif(tiff):
    """A JPEG whose Exif block holds these bytes."""
    plain = encode("JPEG")
    content = b"Exif\0\0" + tiff
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + plain[2:]


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_all_eight_orientations_are_as_pillow_has_them(kind, turn):
    data = encode(kind, turn=turn)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert orientation(data) == turn
    assert stored_size(data, where="") == (60, 40)
    # Pillow and OpenCV bring their own libjpeg: one gray level of rounding
    np.testing.assert_allclose(decode_image(data, where="").astype(int), expected, atol=1)


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "1", "I;16"])
def test_every_png_becomes_rgb_without_alpha(mode):
    if mode == "I;16":
        sixteen = (PIXELS[..., 0].astype(np.uint16) << 8) + 77
        data = cv2.imencode(".png", sixteen)[1].tobytes()
        expected = np.repeat(PIXELS[..., :1], 3, axis=2)
    else:
        data = encode("PNG", mode=mode)
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(data, where=""), expected)


def test_alpha_is_dropped_and_not_blended():
    clear = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    buffer = io.BytesIO()
    Image.fromarray(clear, "RGBA").save(buffer, "PNG")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), where=""), PIXELS)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_jpegs_become_rgb(mode):
    data = encode("JPEG", mode=mode, quality=95)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_allclose(decode_image(data, where="").astype(int), expected, atol=1)


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
        (b"GIF89a" + bytes(50), "expected a JPEG or PNG"),
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


def test_a_limit_of_megapixels_can_be_chosen():
    data = encode("PNG", pixels=np.zeros((1001, 1000, 3), np.uint8))
    assert decode_image(data, where="", max_megapixels=2).shape == (1001, 1000, 3)
    with pytest.raises(DataError, match="1 megapixels"):
        decode_image(data, where="", max_megapixels=1)


TIFF = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHH", 1, 0x0112, 3, 1, 6, 0)


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


def test_reading_a_missing_file_or_a_folder_names_it(tmp_path):
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            read_image(path)


def test_reading_a_file_is_decoding_its_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(FILES[4])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), decode_image(FILES[4], where=""))


@pytest.mark.parametrize("turn", range(1, 9))
def test_boxes_turn_as_a_mask_of_their_pixels_does(turn, rng):
    for _ in range(20):
        height, width = rng.integers(2, 12, 2)
        left, right = sorted(rng.choice(width + 1, 2, replace=False))
        top, bottom = sorted(rng.choice(height + 1, 2, replace=False))
        mask = np.zeros((height, width, 3), np.uint8)
        mask[top:bottom, left:right] = 1
        rows, columns = np.nonzero(upright(mask, turn)[..., 0])
        expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        box = np.array([[left, top, right, bottom]], np.float32)
        np.testing.assert_array_equal(turn_boxes(box, (height, width), turn), [expected])


def test_no_boxes_turn_to_no_boxes():
    assert turn_boxes(np.zeros((0, 4), np.float32), (3, 4), 6).shape == (0, 4)


def test_upright_files_are_those_that_every_decoder_shows_alike():
    assert is_upright(encode("JPEG"))
    assert is_upright(encode("JPEG", mode="L"))
    assert is_upright(encode("PNG"))
    turned = [encode("JPEG", turn=3), encode("PNG", turn=3)]
    others = [encode("JPEG", mode="CMYK"), encode("PNG", mode="RGBA"), encode("PNG", mode="P"), b"", b"GIF89a"]
    assert not any(is_upright(data) for data in turned + others)


def test_the_pixel_hash_knows_pixels_and_size_alone():
    assert pixel_hash(decode_image(encode("PNG"), where="")) == pixel_hash(PIXELS)
    assert pixel_hash(PIXELS.transpose(1, 0, 2)) == pixel_hash(np.ascontiguousarray(PIXELS.transpose(1, 0, 2)))
    assert pixel_hash(PIXELS) != pixel_hash(PIXELS.reshape(60, 40, 3))
    changed = PIXELS.copy()
    changed[-1, -1, -1] ^= 1
    assert pixel_hash(PIXELS) != pixel_hash(changed)


def naive_difference_bits(pixels):
    """The oracle: every comparison of neighbours in the thumbnail, one after the other."""
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (17, 16), interpolation=cv2.INTER_AREA)
    return [int(small[y, x + 1] > small[y, x]) for y in range(16) for x in range(16)]


def bits_of(pixels):
    return np.unpackbits(difference_hash(pixels).view(np.uint8))


def test_the_difference_hash_compares_neighbours():
    np.testing.assert_array_equal(bits_of(PIXELS), naive_difference_bits(PIXELS))


def test_the_difference_hash_of_a_copy_is_near_and_of_another_picture_far():
    large = picture(1, size=(200, 300))
    copy = decode_image(encode("JPEG", pixels=cv2.resize(large, (150, 100), interpolation=cv2.INTER_AREA)), where="")
    assert (bits_of(large) != bits_of(copy)).sum() <= 12  # data.near_duplicate_bits
    assert (bits_of(large) != bits_of(picture(2, size=(200, 300)))).sum() > 60


def test_the_smallest_pictures_have_a_hash():
    assert difference_hash(np.zeros((1, 1, 3), np.uint8)).shape == (4,)
