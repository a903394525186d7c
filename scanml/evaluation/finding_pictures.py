"""A finding as a picture: the file it is about with the box in question, two of a kind side by side."""

from __future__ import annotations

import math

import numpy as np

from scanml.errors import DataError
from scanml.evaluation.canvas import Color, fit_text, load_font
from scanml.evaluation.outlines import Outline, draw_outlines
from scanml.evaluation.page_parts import picture
from scanml.structures import Finding, Spot
from scanml.structures.arrays import Pixels

_SIDE = 420  # pixels of the longer side: about 25 kB as a JPEG
_GAP = 8  # pixels between the two of a pair
_SMALL = 12  # a box that goes more often into the picture's longer side is shown enlarged, with as much around it
_LEAST_WINDOW = 48  # pixels around the smallest box
_FAR = 1e9  # pixels beyond which a box is outside of any picture; its square fits in float32
_COLORS: dict[str, Color] = {"error": (255, 69, 58), "warning": (255, 179, 36)}
_BESIDE: Color = (120, 124, 132)  # what lies outside of the picture
_PAPER: Color = (226, 228, 233)
_INK: Color = (70, 74, 84)

_Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the picture; may reach beyond it


def finding_picture(finding: Finding, *, max_megapixels: int) -> bytes:
    """JPEG bytes that show what `finding` says, which has `spots`.

    A file that cannot be read, or is larger than `max_megapixels`, is a sheet with its name.
    """
    panels = [_panel(spot, _COLORS[finding.severity], max_megapixels) for spot in finding.spots]
    height = max(panel.shape[0] for panel in panels)
    columns = []
    for panel in panels:
        column = np.full((height, panel.shape[1] + _GAP, 3), 255, np.uint8)
        column[: panel.shape[0], : panel.shape[1]] = panel
        columns.append(column)
    return picture(np.concatenate(columns, axis=1)[:, :-_GAP])


def _panel(spot: Spot, color: Color, max_megapixels: int) -> Pixels:
    from scanml.datasets.images import decode_image, read_bytes, upright_boxes

    try:
        data = read_bytes(spot.path)
        pixels = decode_image(data, where=str(spot.path), max_megapixels=max_megapixels)
    except DataError:
        return _sheet(spot.path.name)
    if spot.box is None:
        return _cut(pixels, (0, 0, pixels.shape[1], pixels.shape[0]))[0]
    box = np.clip([spot.box], -_FAR, _FAR).astype(np.float32)
    if spot.size is not None and all(map(math.isfinite, spot.size)):
        said = (round(spot.size[0]), round(spot.size[1]))
        box = upright_boxes(box, data, said=said, upright_size=pixels.shape[:2])
    return _with_box(pixels, box[0].tolist(), color)


def _with_box(pixels: Pixels, box: list[float], color: Color) -> Pixels:
    """The picture, or the part around a small box, or as much beside it as is needed to see half of a box outside."""
    height, width = pixels.shape[:2]
    low, high = (-width / 2, -height / 2), (1.5 * width, 1.5 * height)
    left, top, right, bottom = (float(np.clip(v, low[i % 2], high[i % 2])) for i, v in enumerate(box))
    side, longer = max(right - left, bottom - top), max(height, width)
    if side * _SMALL < longer and right >= 0 and left <= width and bottom >= 0 and top <= height:
        around = max(_SMALL * side, _LEAST_WINDOW) / 2
        middle = ((left + right) / 2, (top + bottom) / 2)
        reach = (middle[0] - around, middle[1] - around, middle[0] + around, middle[1] + around)
    else:
        reach = (min(left, 0.0), min(top, 0.0), max(right, float(width)), max(bottom, float(height)))
    window = (math.floor(reach[0]), math.floor(reach[1]), math.ceil(reach[2]), math.ceil(reach[3]))
    canvas, scale = _cut(pixels, window)
    corners = [round((v - window[i % 2]) * scale) for i, v in enumerate((left, top, right, bottom))]
    return draw_outlines(canvas, [Outline((corners[0], corners[1], corners[2], corners[3]), color, "")])


def _cut(pixels: Pixels, window: _Window) -> tuple[Pixels, float]:
    """What `window` shows, its longer side scaled to 420 pixels, and by how much it was scaled."""
    import cv2

    (left, top, right, bottom), (height, width) = window, pixels.shape[:2]
    scale = _SIDE / max(right - left, bottom - top)
    rows, columns = (max(1, round(length * scale)) for length in (bottom - top, right - left))
    canvas = np.full((rows, columns, 3), _BESIDE, np.uint8)
    part = pixels[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    if part.size:
        y, x = round((max(top, 0) - top) * scale), round((max(left, 0) - left) * scale)
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST  # enlarged, one should see the pixels
        small = np.asarray(cv2.resize(part, size, interpolation=method), np.uint8)[: rows - y, : columns - x]
        canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    return canvas, scale


def _sheet(name: str) -> Pixels:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (_SIDE, _SIDE * 3 // 4), _PAPER)
    draw, middle = ImageDraw.Draw(image), (_SIDE / 2, _SIDE * 3 / 8)
    for text, offset, bold in (("cannot be shown", -16, False), (name, 16, True)):
        font = load_font(17, bold=bold)
        line = fit_text(text, font, width=_SIDE - 40)
        draw.text((middle[0], middle[1] + offset), line, font=font, fill=_INK, anchor="mm")
    return np.asarray(image)
