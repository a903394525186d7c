"""Pixels are upright whatever the file says, and so are boxes."""

import io

import cv2
import numpy as np
import pytest
from oracles.data_folder import picture
from oracles.encoded import PIXELS, encode, files
from PIL import Image, ImageOps

from scanml.datasets.headers import orientation, stored_size
from scanml.datasets.images import (
    decode_image,
    difference_hash,
    pixel_hash,
    read_image,
    turn_boxes,
    upright,
)
from scanml.errors import DataError

FILES = files()


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


def test_a_limit_of_megapixels_can_be_chosen():
    data = encode("PNG", pixels=np.zeros((1001, 1000, 3), np.uint8))
    assert decode_image(data, where="", max_megapixels=2).shape == (1001, 1000, 3)
    with pytest.raises(DataError, match="1 megapixels"):
        decode_image(data, where="", max_megapixels=1)


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
