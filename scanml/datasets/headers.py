"""What an image file says of itself before its pixels are decoded: size, orientation, kind, and whether it is whole."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import takewhile
from typing import Literal

from scanml.errors import DataError

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_SCAN, _END = 0xDA, 0xD9  # JPEG markers: pixels begin, the picture ends
# What stands alone (TEM, RST0–7) or is pixel data (FF 00) or filling (FF FF) begins no segment: ITU-T T.81, B.1.1.
_SEGMENT = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
Oddity = Literal["CMYK", "gray", "16-bit", "animated"]
_ODD_COMPONENTS: dict[int, Oddity] = {1: "gray", 4: "CMYK"}
_FOREIGN = {
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
}


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
    kind = _foreign_kind(data)
    remedy = f"save it as JPEG or PNG{', frame by frame' if 'animated' in kind else ''}" if kind else "replace the file"
    kind = kind or (f"a file that begins with {data[:8]!r}" if data else "an empty file")
    raise DataError(f"{where}: expected a JPEG or PNG image, received {kind}; {remedy}.")


def is_upright(data: bytes) -> bool:
    """True for a JPEG or PNG that every decoder shows as `decode_image` does: RGB or gray, 8 bits, not turned."""
    if orientation(data) != 1:
        return False
    if data.startswith(_PNG):  # bit depth 8, color type gray or RGB: no alpha, no palette
        return data[24:26] in (b"\x08\x00", b"\x08\x02")
    return num_components(data) in (1, 3)


def oddities(data: bytes) -> frozenset[Oddity]:
    """In what a JPEG or PNG differs from plain 8-bit color; all can be read."""
    if not data.startswith(_PNG):
        kind = _ODD_COMPONENTS.get(num_components(data))
        return frozenset({kind} if kind else ())
    found: dict[Oddity, bool] = {
        "16-bit": data[24:25] == b"\x10",
        "gray": data[25:26] in (b"\x00", b"\x04"),  # color types 0 and 4 (with alpha): PNG specification, 11.2.2
        "animated": any(kind == b"acTL" for kind, _ in takewhile(lambda c: c[0] != b"IDAT", _png_chunks(data))),
    }
    return frozenset(name for name, is_so in found.items() if is_so)


def _foreign_kind(data: bytes) -> str:
    """What a file is that is neither JPEG nor PNG; empty if nobody knows."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        # Bit 1 of the extended header's flags: RFC 9649, 2.7
        return "an animated WebP" if data[12:16] == b"VP8X" and len(data) > 20 and data[20] & 2 else "a WebP"
    if data[:4] == b"GIF8":  # two or more graphic control extensions: GIF89a, 23
        return "an animated GIF" if data.count(b"\x21\xf9\x04") > 1 else "a GIF"
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    return next((name for start, name in _FOREIGN.items() if data.startswith(start)), "")


def num_components(data: bytes) -> int:
    """1 gray, 3 color, 4 CMYK of a JPEG; 0 for anything else."""
    header = _frame_header(data)
    return header[5] if len(header) >= 6 else 0


def _frame_header(data: bytes) -> bytes:
    """A JPEG's frame header: precision, height, width, number of components, …; empty if there is none."""
    for marker, start, end in _header_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[start:end]
    return b""


def is_complete(data: bytes) -> bool:
    """Does a picture reach its end? Decoders fill what is missing with gray and say nothing.

    A JPEG is believed its end marker; `images.is_cut_short` looks closer. What follows is none of our business:
    phones append videos. A thumbnail's end inside a segment is no end.
    """
    if data.startswith(_PNG):
        return any(kind == b"IEND" for kind, _ in _png_chunks(data))
    return end_of_jpeg(data) is not None


def end_of_jpeg(data: bytes) -> int | None:
    """Where a JPEG's end marker ends; None if it has none, or for another file."""
    return next((end for marker, _, end in _jpeg_segments(data) if marker == _END), None)


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
