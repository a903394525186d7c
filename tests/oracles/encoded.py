"""Pictures as files, written by Pillow."""

import io

from oracles.data_folder import picture
from PIL import Image

PIXELS = picture(3)


def encode(kind, *, mode="RGB", turn=None, pixels=PIXELS, **options):
    buffer = io.BytesIO()
    if turn is not None:
        exif = Image.Exif()
        exif[0x0112] = turn
        options["exif"] = exif
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def files():
    """One file of every kind that can be read."""
    return [
        encode("JPEG", turn=6, quality=90),
        encode("JPEG", mode="L"),
        encode("JPEG", mode="CMYK"),
        encode("JPEG", progressive=True),
        encode("PNG", turn=5),
        encode("PNG", mode="RGBA"),
        encode("PNG", mode="P"),
    ]
