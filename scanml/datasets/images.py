"""Reading pictures. One rule: pixels are upright, as the EXIF orientation says, and everything refers to them.

The exported graph decodes by TensorFlow and reads the orientation itself; this file is its counterpart for files on
disk, and the only place where a broken image is refused.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import cv2
import numpy as np

from scanml.datasets.headers import end_of_jpeg, is_complete, num_components, orientation, stored_size
from scanml.datasets.plain_file import read_plain
from scanml.errors import DataError
from scanml.structures.arrays import Floats, Pixels

SUFFIXES = (".jpg", ".jpeg", ".png")  # what the exported graph can decode
MAX_MEGAPIXELS = 100  # a larger picture is refused before it is decoded
_MAX_MEGABYTES = 800  # that many pixels in a PNG's largest form, four channels of 16 bits, not compressed
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_FILLER = bytes(range(0, 250, 7))  # 36 bytes that make blocks of any Huffman code; none begins a marker


def read_image(path: Path, *, max_megapixels: int = MAX_MEGAPIXELS) -> Pixels:
    """The upright pixels, uint8 (H, W, 3) RGB, of a JPEG or PNG file.

    Raises:
        DataError: the file is missing, unreadable, truncated, too large, or neither JPEG nor PNG.
    """
    return decode_image(read_bytes(path), where=str(path), max_megapixels=max_megapixels)


def read_bytes(path: Path) -> bytes:
    """The bytes of an image file; one that is missing, unreadable, no plain file or above 800 MB is a `DataError`."""
    return read_plain(path, max_megabytes=_MAX_MEGABYTES)


def decode_image(data: bytes, *, where: str, max_megapixels: int = MAX_MEGAPIXELS) -> Pixels:
    """The upright pixels of an encoded image; gray, CMYK and alpha become plain RGB (alpha is dropped).

    Raises:
        DataError: not a JPEG or PNG, truncated, damaged or larger than `max_megapixels`. `where` names it.
    """
    width, height = stored_size(data, where=where)
    if width * height > max_megapixels * 1_000_000:
        raise DataError(f"{where}: {width}×{height} pixels are more than {max_megapixels} megapixels; scale it down.")
    if not is_complete(data):
        raise DataError(
            f"{where}: the file is truncated or damaged ({len(data)} bytes, no end where one is due); "
            "copy or download it again."
        )
    pixels = _decode(data)
    if pixels is None or pixels.shape != (height, width, 3):
        raise DataError(f"{where}: the image data is damaged and cannot be decoded; replace the file.")
    return upright(pixels, orientation(data))


def is_cut_short(data: bytes, pixels: Pixels) -> bool:
    """Is data missing before the end marker of a JPEG, which `decode_image` has made `pixels` of?

    Decoders repeat the last color down to the lower edge and say nothing. Where an edge is of one color, the picture is
    decoded also with bytes put before its end: a whole one leaves them unread, a cut one makes pixels of them.
    A cut in the last row of blocks, or one of a progressive JPEG, which makes all of it coarser, is not noticed.
    """
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])  # the lower one, as stored, may be any of them
    if all((edge != edge[0]).any() for edge in edges) or (end := end_of_jpeg(data)) is None:
        return False
    longer = data[: end - 2] + _FILLER + data[end - 2 :]  # a marker has two bytes
    return _small(data) != _small(longer)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Stored pixels (H, W, 3) turned by their EXIF orientation 1…8 (EXIF 2.3, tag 0x0112)."""
    if orientation in _TRANSPOSED:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1] if orientation in (2, 3) else pixels[::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1] if orientation in (3, 4) else pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def pixel_hash(pixels: Pixels) -> str:
    """16 hex digits that depend on the upright pixels and size alone, not on file name, format or metadata."""
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()[:16]


def difference_hash(pixels: Pixels) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A 256-bit perceptual hash, uint64 (4,): is each cell of a 16×17 thumbnail brighter than its left neighbour?

    Source: N. Krawetz, "Kind of Like That", 2013 (dHash), with 16 rows and columns.
    """
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (17, 16), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def turn_boxes(xyxy: Floats, size: tuple[int, int], orientation: int) -> Floats:
    """Boxes (N, 4) given on stored pixels of `size` (height, width), moved along when those are turned upright."""
    height, width = size
    left, top, right, bottom = np.asarray(xyxy, np.float32).reshape(-1, 4).T
    turned = {
        1: (left, top, right, bottom),
        2: (width - right, top, width - left, bottom),
        3: (width - right, height - bottom, width - left, height - top),
        4: (left, height - bottom, right, height - top),
        5: (top, left, bottom, right),
        6: (height - bottom, left, height - top, right),
        7: (height - bottom, width - right, height - top, width - left),
        8: (top, width - right, bottom, width - left),
    }[orientation]
    return np.stack(turned, axis=1)


def upright_boxes(xyxy: Floats, data: bytes, *, said: tuple[int, int], upright_size: tuple[int, int]) -> Floats:
    """Boxes (N, 4) of a picture file, given for an image of `said` (width, height), where its upright pixels have them.

    They are turned along where only the stored pixels are of that size.
    """
    if said == upright_size[::-1]:
        return xyxy
    return turn_boxes(xyxy, said[::-1], orientation(data))


def _decode(data: bytes) -> Pixels | None:
    if num_components(data) == 4:
        return _decode_cmyk(data)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _decode_cmyk(data: bytes) -> Pixels | None:
    # OpenCV rounds the product of ink and black differently from TensorFlow; Pillow agrees with TensorFlow.
    from PIL import Image

    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _small(data: bytes) -> bytes:
    """A JPEG's pixels in an eighth of its size, which costs less, without the warnings that OpenCV prints."""
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data))
        image.draft(image.mode, (1, 1))
        return image.tobytes()
    except (OSError, ValueError, Image.DecompressionBombError):
        return b""
