"""Reading pictures. One rule: pixels are upright, as the EXIF orientation says, and everything refers to them.

The exported graph decodes by TensorFlow and reads the orientation itself (`export.decode`); this file is its counterpart
for files on disk, and the only place where a broken image is refused.
"""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path

import cv2
import numpy as np

from scanml.errors import DataError
from scanml.structures.arrays import Floats, Pixels

SUFFIXES = (".jpg", ".jpeg", ".png")  # what the exported graph can decode
MAX_MEGAPIXELS = 100  # a larger picture is refused before it is decoded
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


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
    _refuse_truncated(data, where)
    pixels = _decode(data)
    if pixels is None:
        raise DataError(f"{where}: the image data is damaged and cannot be decoded; replace the file.")
    return upright(pixels[..., ::-1], orientation(data))


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
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:2] == b"\xff\xd8":
        for marker, start, _ in _jpeg_segments(data):
            if _is_frame_header(marker) and start + 5 <= len(data):
                height, width = struct.unpack(">HH", data[start + 1 : start + 5])
                return width, height
        raise DataError(f"{where}: the JPEG ends before its size is said; it is truncated. Replace the file.")
    kind = "an empty file" if not data else f"a file that begins with {data[:8]!r}"
    raise DataError(f"{where}: expected a JPEG or PNG image, received {kind}.")


def is_upright(data: bytes) -> bool:
    """True for a JPEG or PNG that every decoder shows as `decode_image` does: RGB or gray, 8 bits, not turned."""
    return orientation(data) == 1 and _num_components(data) != 4


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
    if data[:2] == b"\xff\xd8" and _num_components(data) == 4:
        return _decode_cmyk(data)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)


def _decode_cmyk(data: bytes) -> Pixels | None:
    # OpenCV rounds the product of ink and black differently from TensorFlow; Pillow agrees with TensorFlow.
    from PIL import Image

    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[..., ::-1]
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _num_components(data: bytes) -> int:
    for marker, start, end in _jpeg_segments(data):
        if _is_frame_header(marker) and start + 5 < min(end, len(data)):
            return data[start + 5]
    return 0


def _is_frame_header(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def _refuse_truncated(data: bytes, where: str) -> None:
    # Decoders fill what is missing with gray and say nothing; the end markers tell.
    complete = b"IEND" in data[-64:] if data[:4] == b"\x89PNG" else b"\xff\xd9" in data[-65536:]
    if not complete:
        raise DataError(f"{where}: the file is truncated after {len(data)} bytes; copy or download it again.")


def _exif(data: bytes) -> bytes:
    """The TIFF block of a JPEG's APP1 segment or a PNG's eXIf chunk; empty if there is none."""
    if data[:2] == b"\xff\xd8":
        for marker, start, end in _jpeg_segments(data):
            if marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
                return data[start + 6 : end]
        return b""
    position = 8
    while data[:4] == b"\x89PNG" and position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"eXIf":
            return data[position + 8 : position + 8 + length]
        if kind in (b"IDAT", b"IEND"):
            break
        position += 12 + length
    return b""


def _jpeg_segments(data: bytes) -> list[tuple[int, int, int]]:
    """(marker, start, end) of the segments before the scan data."""
    segments: list[tuple[int, int, int]] = []
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA:
            break
        length = struct.unpack_from(">H", data, position + 2)[0]
        segments.append((marker, position + 4, position + 2 + length))
        position += 2 + length
    return segments
