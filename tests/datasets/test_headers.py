"""What a file says of itself before it is decoded."""

import io

import cv2
import numpy as np
import pytest
from oracles.encoded import PIXELS, encode
from PIL import Image

from scanml.datasets.headers import is_upright, oddities, stored_size
from scanml.errors import DataError


def moving(kind, *, frames=3):
    first, *rest = (Image.fromarray(np.roll(PIXELS, 5 * step, axis=1)) for step in range(frames))
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=rest, duration=80)
    return buffer.getvalue()


SIXTEEN = cv2.imencode(".png", PIXELS.astype(np.uint16) << 8)[1].tobytes()
SIXTEEN_GRAY = cv2.imencode(".png", PIXELS[..., 0].astype(np.uint16) << 8)[1].tobytes()


def test_upright_files_are_those_that_every_decoder_shows_alike():
    assert is_upright(encode("JPEG"))
    assert is_upright(encode("JPEG", mode="L"))
    assert is_upright(encode("PNG"))
    turned = [encode("JPEG", turn=3), encode("PNG", turn=3)]
    others = [encode("JPEG", mode="CMYK"), encode("PNG", mode="RGBA"), encode("PNG", mode="P"), b"", b"GIF89a"]
    assert not any(is_upright(data) for data in turned + others)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encode("JPEG"), set()),
        (encode("JPEG", turn=6), set()),
        (encode("JPEG", mode="L"), {"gray"}),
        (encode("JPEG", mode="CMYK"), {"CMYK"}),
        (encode("PNG"), set()),
        (encode("PNG", mode="RGBA"), set()),
        (encode("PNG", mode="P"), set()),
        (encode("PNG", mode="L"), {"gray"}),
        (encode("PNG", mode="LA"), {"gray"}),
        (encode("PNG", mode="1"), {"gray"}),
        (SIXTEEN, {"16-bit"}),
        (SIXTEEN_GRAY, {"16-bit", "gray"}),
        (moving("PNG"), {"animated"}),
        (b"", set()),
        (b"\x89PNG\r\n\x1a\n", set()),
    ],
)
def test_what_is_not_plain_color_is_known_from_the_header(data, expected):
    assert oddities(data) == expected


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encode("GIF"), "a GIF; save it as JPEG or PNG."),
        (moving("GIF"), "an animated GIF; save it as JPEG or PNG, frame by frame."),
        (encode("WEBP"), "a WebP; save"),
        (moving("WEBP"), "an animated WebP; save"),
        (encode("BMP"), "a BMP; save"),
        (encode("TIFF"), "a TIFF; save"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "a HEIC, AVIF or video file; save"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive"),
        (b"RIFF", "a file that begins with b'RIFF'; replace the file."),
        (b"", "an empty file; replace the file."),
    ],
)
def test_another_format_is_called_by_its_name(data, kind):
    with pytest.raises(DataError) as caught:
        stored_size(data, where="photo.jpg")
    assert f"photo.jpg: expected a JPEG or PNG image, received {kind}" in str(caught.value)
