"""Reading pictures. One rule: pixels are upright, as the EXIF orientation says, and everything refers to them.

The exported graph decodes by TensorFlow and reads the orientation itself; this file is its counterpart for files on
disk, and the only place where a broken image is refused.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import cv2
import numpy as np

from scanml.errors import DataError
from scanml.structures.arrays import Floats, Pixels

SUFFIXES = (".jpg", ".jpeg", ".png")  # what the exported graph can decode
MAX_MEGAPIXELS = 100  # a larger picture is refused before it is decoded
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_SCAN, _END = 0xDA, 0xD9  # JPEG markers: pixels begin, the picture ends
# What stands alone (TEM, RST0–7) or is pixel data (FF 00) or filling (FF FF) begins no segment: ITU-T T.81, B.1.1.
_SEGMENT = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")


def read_image(path: Path, *, max_megapixels: int = MAX_MEGAPIXELS) -> Pixels:
    """The upright pixels, uint8 (H, W, 3) RGB, of a JPEG or PNG file.

    Raises:
        DataError: the file is missing, unreadable, truncated, too large, or neither JPEG nor PNG.
    """
    return decode_image(read_bytes(path), where=str(path), max_megapixels=max_megapixels)


def read_bytes(path: Path) -> bytes:
    """The bytes of an image file; a missing or unreadable one is a `DataError` that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions.") from error


def decode_image(data: bytes, *, where: str, max_megapixels: int = MAX_MEGAPIXELS) -> Pixels:
    """The upright pixels of an encoded image; gray, CMYK and alpha become plain RGB (alpha is dropped).

    Raises:
        DataError: not a JPEG or PNG, truncated, damaged or larger than `max_megapixels`. `where` names it.
    """
    width, height = stored_size(data, where=where)
    if width * height > max_megapixels * 1_000_000:
        raise DataError(f"{where}: {width}×{height} pixels are more than {max_megapixels} megapixels; scale it down.")
    if not _is_complete(data):
        raise DataError(
            f"{where}: the file is truncated or damaged ({len(data)} bytes, no end where one is due); "
            "copy or download it again."
        )
    pixels = _decode(data)
    if pixels is None or pixels.shape != (height, width, 3):
        raise DataError(f"{where}: the image data is damaged and cannot be decoded; replace the file.")
    return upright(pixels, orientation(data))


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Stored pixels (H, W, 3) turned by their EXIF orientation 1…8 (EXIF 2.3, tag 0x0112)."""
    if orientation in _TRANSPOSED:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1] if orientation in (2, 3) else pixels[::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1] if orientation in (3, 4) else pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def orientation(data: bytes) -> int:
    """The EXIF orientation 1…8 of a JPEG or PNG; 1 where there is none or it makes no sense."""
    tiff = _exif(data)
    if len(tiff) < 8 or tiff[:2] not in (b"II", b"MM"):
        return 1
    order = "<" if tiff[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    if start + 2 > len(tiff):
        return 1
    count = struct.unpack_from(order + "H", tiff, start)[0]
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        if struct.unpack_from(order + "H", tiff, entry)[0] == 0x0112:
            value = struct.unpack_from(order + "H", tiff, entry + 8)[0]
            return value if 1 <= value <= 8 else 1
    return 1


def stored_size(data: bytes, *, where: str) -> tuple[int, int]:
    """(width, height) as stored, before the orientation is applied, from the header alone."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 26:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    header = _frame_header(data)
    if len(header) >= 6:
        height, width = struct.unpack(">HH", header[1:5])
        return width, height
    if data.startswith((_PNG, _JPEG)):
        raise DataError(f"{where}: the image ends before its size is said; it is truncated. Replace the file.")
    kind = "an empty file" if not data else f"a file that begins with {data[:8]!r}"
    raise DataError(f"{where}: expected a JPEG or PNG image, received {kind}.")


def is_upright(data: bytes) -> bool:
    """True for a JPEG or PNG that every decoder shows as `decode_image` does: RGB or gray, 8 bits, not turned."""
    if orientation(data) != 1:
        return False
    if data.startswith(_PNG):  # bit depth 8, color type gray or RGB: no alpha, no palette
        return data[24:26] in (b"\x08\x00", b"\x08\x02")
    return _num_components(data) in (1, 3)


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


def _decode(data: bytes) -> Pixels | None:
    if _num_components(data) == 4:
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


def _num_components(data: bytes) -> int:
    """1 gray, 3 color, 4 CMYK of a JPEG; 0 for anything else."""
    header = _frame_header(data)
    return header[5] if len(header) >= 6 else 0


def _frame_header(data: bytes) -> bytes:
    """A JPEG's frame header: precision, height, width, number of components, …; empty if there is none."""
    for marker, start, end in _header_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[start:end]
    return b""


def _is_complete(data: bytes) -> bool:
    """Does a picture reach its end? Decoders fill what is missing with gray and say nothing.

    What follows the end is none of our business: phones append videos. A thumbnail's end inside a segment is no end.
    """
    if data.startswith(_PNG):
        return any(kind == b"IEND" for kind, _ in _png_chunks(data))
    return any(marker == _END for marker, _, _ in _jpeg_segments(data))


def _exif(data: bytes) -> bytes:
    """The TIFF block of a JPEG's APP1 segment or a PNG's eXIf chunk; empty if there is none."""
    if data.startswith(_PNG):
        return next((content for kind, content in _png_chunks(data) if kind == b"eXIf"), b"")
    for marker, start, end in _header_segments(data):
        if marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            return data[start + 6 : end]
    return b""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of a PNG's chunks, as long as they are whole and fit their checksums."""
    position = len(_PNG)
    while position + 12 <= len(data):
        length = struct.unpack_from(">I", data, position)[0]
        end = position + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return
        yield data[position + 4 : position + 8], data[position + 8 : end]
        position = end + 4


def _header_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments before a JPEG's pixels."""
    return takewhile(lambda segment: segment[0] not in (_SCAN, _END), _jpeg_segments(data))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of a JPEG's segments, up to and with its end marker; nothing for other files."""
    position = len(_JPEG)
    while data.startswith(_JPEG) and (found := _SEGMENT.search(data, position)):
        marker, start = found.group()[1], found.end() + 2
        if marker == _END:
            yield marker, found.end(), found.end()
            return
        if start > len(data):
            return
        end = found.end() + struct.unpack_from(">H", data, found.end())[0]
        yield marker, start, end
        position = max(start, end)
