"""Boxes with labels on a picture: a dark halo, so that a line shows on any ground, the line, the label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanml.evaluation.canvas import Color, Place, make_chip, place_chip
from scanml.structures.arrays import Pixels

Point = tuple[int, int]  # x, y of a pixel

HALO: Color = (0, 0, 0)


@dataclass(frozen=True)
class Outline:
    """One box to draw: its corners in pixels of the picture, its color, what its label says (empty: no label)."""

    place: Place
    color: Color
    label: str
    dashed: bool = False


def line_width(canvas: Pixels) -> int:
    """The width of a line in pixels: it grows with the picture."""
    return max(1, round(math.sqrt(canvas.shape[0] * canvas.shape[1]) / 180))


def draw_outlines(canvas: Pixels, outlines: Sequence[Outline]) -> Pixels:
    """A copy of `canvas` with all halos, above them the lines, the first outline on top, above them the labels."""
    import cv2

    width = line_width(canvas)
    halo = canvas.copy()
    for outline in outlines:
        _draw_sides(halo, outline, color=HALO, width=width + 2)
    canvas = np.asarray(cv2.addWeighted(halo, 0.5, canvas, 0.5, 0.0), dtype=np.uint8)
    for outline in reversed(outlines):
        thin = max(1, width - 1) if outline.dashed and not outline.label else width
        _draw_sides(canvas, outline, color=outline.color, width=thin)
    return draw_labels(canvas, outlines)


def _draw_sides(canvas: Pixels, outline: Outline, *, color: Color, width: int) -> None:
    left, top, right, bottom = outline.place
    # Edges lie between pixels: the last column inside a box is right - 1.
    low, high = (left, top), (max(left, right - 1), max(top, bottom - 1))
    far, under = (high[0], low[1]), (low[0], high[1])
    length = 5 * line_width(canvas) if outline.dashed else 0
    for start, end in ((low, far), (far, high), (under, high), (low, under)):
        for dash in _dashes(start, end, length=length):
            _stroke(canvas, *dash, color=color, width=width)


def _stroke(canvas: Pixels, start: Point, end: Point, *, color: Color, width: int) -> None:
    """Fills a straight line to the pixel; OpenCV's thick lines are wider than asked and have round ends."""
    before, after = width // 2, width - width // 2
    columns = slice(max(0, start[0] - before), max(0, end[0] + after))
    rows = slice(max(0, start[1] - before), max(0, end[1] + after))
    canvas[rows, columns] = color


def _dashes(start: Point, end: Point, *, length: int) -> list[tuple[Point, Point]]:
    """An odd number of equal pieces of about `length` (0: one piece), every second drawn: corners are always closed."""
    span = max(end[0] - start[0], end[1] - start[1])
    count = 2 * round(span / length / 2) + 1 if length else 1
    xs, ys = (np.round(np.linspace(start[i], end[i], count + 1)).astype(int).tolist() for i in (0, 1))
    return [((xs[i], ys[i]), (xs[i + 1], ys[i + 1])) for i in range(0, count, 2)]


def draw_labels(canvas: Pixels, outlines: Sequence[Outline]) -> Pixels:
    """A copy of `canvas` with a label at each outline that has one and where it fits."""
    from PIL import Image

    height, width = canvas.shape[:2]
    size_px = max(11, round(math.sqrt(height * width) / 42))
    taken: list[Place] = []
    image, chips = Image.fromarray(canvas), []
    for outline in outlines:
        chip = make_chip(outline.label, color=outline.color, size_px=size_px, max_width=width)
        if chip is not None and chip.height * 8 <= height:  # on a thumbnail a label would hide what it names
            taken.append(place_chip(outline.place, chip.size, taken=taken, canvas=(width, height)))
            chips.append(chip)
    for chip, place in reversed(list(zip(chips, taken, strict=True))):
        image.paste(chip, place[:2], chip)
    return np.array(image)
