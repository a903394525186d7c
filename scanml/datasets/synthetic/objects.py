"""The eight kinds of objects of the drawn world. Each function draws one, in the unit square of its canvas."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from scanml.datasets.synthetic.canvas import (
    INK,
    WHITE,
    Canvas,
    Color,
    Rgba,
    arc,
    bright_color,
    hue_color,
    rounded,
    tinted,
)


def draw_object(rng: np.random.Generator, name: str, *, side_px: float) -> Rgba:
    """One object of kind `name`, about `side_px` pixels along its longer side, premultiplied RGBA (h, w, 4).

    Colour, proportions, mirror image and a mild turn are random; an unknown name is a `KeyError`.
    """
    reach = 30.0 if name in ("star", "fish", "umbrella") else 14.0
    canvas = Canvas(side_px, angle_degrees=rng.uniform(-reach, reach), mirrored=rng.random() < 0.5)
    OBJECTS[name](canvas, rng)
    return canvas.finish(relief=rng.uniform(0.8, 1.2))


def _mug(canvas: Canvas, rng: np.random.Generator) -> None:
    color = bright_color(rng)
    foot = rng.uniform(0.46, 0.6)
    canvas.stroke(arc((0.42, 0.02), (0.42, 0.42)), tinted(color, 0.85), width=0.17)
    canvas.fill([(-0.85, -0.68), (0.45, -0.68), (-0.2 + foot, 0.7), (-0.2 - foot, 0.7)], color)
    canvas.fill(arc((-0.2, 0.7), (foot, 0.16)), color)
    if rng.random() < 0.5:
        canvas.fill([(-0.8, -0.1), (0.4, -0.1), (0.37, 0.25), (-0.77, 0.25)], WHITE)
    else:
        canvas.fill(arc((-0.2, 0.1), (0.26, 0.28)), WHITE)
        canvas.fill(arc((-0.2, 0.1), (0.13, 0.14)), tinted(color, 0.6))
    canvas.fill(arc((-0.2, -0.68), (0.65, 0.2)), tinted(color, 1.3))
    canvas.fill(arc((-0.2, -0.66), (0.54, 0.14)), hue_color(0.07, 0.7, rng.uniform(0.2, 0.45)))
    canvas.stroke(arc((-0.3, -0.66), (0.3, 0.07), start=190, end=300), (214, 176, 130), width=0.05)


def _bottle(canvas: Canvas, rng: np.random.Generator) -> None:
    glass = hue_color(rng.choice([0.3, 0.38, 0.09, 0.58]), rng.uniform(0.6, 0.85), rng.uniform(0.45, 0.75))
    label, waist = bright_color(rng), rng.uniform(0.34, 0.42)
    right = [(0.13, -0.88), (0.13, -0.5), (0.18, -0.35), (waist, -0.12), (waist, 0.9), (waist - 0.06, 0.97)]
    left = [(-x, y) for x, y in reversed(right)]
    canvas.fill(right + left, glass)
    canvas.fill([(-waist, 0.05), (waist, 0.05), (waist, 0.66), (-waist, 0.66)], WHITE)
    canvas.fill([(-waist, 0.16), (waist, 0.16), (waist, 0.3), (-waist, 0.3)], label)
    canvas.fill(arc((0, 0.47), (0.14, 0.12)), label)
    canvas.fill([(-0.17, -1.0), (0.17, -1.0), (0.17, -0.8), (-0.17, -0.8)], tinted(label, 0.85))
    canvas.stroke([(-waist * 0.62, -0.08), (-waist * 0.7, 0.02)], WHITE, width=0.08)
    canvas.stroke([(-0.06, -0.7), (-0.06, -0.42)], tinted(glass, 1.7), width=0.06)


def _balloon(canvas: Canvas, rng: np.random.Generator) -> None:
    color = bright_color(rng)
    sway = rng.uniform(-0.15, 0.15)
    canvas.stroke([(0, 0.5), (sway, 0.65), (-sway, 0.82), (sway / 2, 0.98)], tinted(color, 0.55), width=0.07)
    canvas.fill([(0, 0.4), (0.13, 0.58), (-0.13, 0.58)], tinted(color, 0.75))
    canvas.fill(rounded([(-0.62, -1.0), (0.62, -1.0), (0.74, -0.2), (0.12, 0.56), (-0.12, 0.56), (-0.74, -0.2)]), color)
    canvas.fill(arc((-0.26, -0.55), (0.11, 0.2), turn=25), tinted(color, 1.6))


def _star(canvas: Canvas, rng: np.random.Generator) -> None:
    color = hue_color(rng.choice([0.13, 0.11, 0.15, 0.92, 0.48]), rng.uniform(0.6, 0.85), rng.uniform(0.9, 1.0))
    canvas.fill(_star_points(1.0, rng.uniform(0.48, 0.56)), tinted(color, 0.88))
    canvas.fill(_star_points(0.8, 0.42), tinted(color, 1.08))
    for x in (-0.15, 0.15):
        canvas.fill(arc((x, -0.06), (0.065, 0.1)), INK)
    canvas.stroke(arc((0, 0.1), (0.15, 0.13), start=20, end=160), INK, width=0.06)


def _star_points(outer: float, inner: float) -> list[tuple[float, float]]:
    angles = np.radians(np.arange(10) * 36 - 90)
    radii = np.where(np.arange(10) % 2 == 0, outer, inner)
    return [(float(r * np.cos(a)), float(r * np.sin(a))) for r, a in zip(radii, angles, strict=True)]


def _fish(canvas: Canvas, rng: np.random.Generator) -> None:
    color, second = bright_color(rng), bright_color(rng)
    belly = rng.uniform(0.42, 0.6)
    canvas.fill([(-0.5, 0), (-1.0, -0.48), (-0.86, 0), (-1.0, 0.48)], second)
    canvas.fill([(-0.25, -belly * 0.6), (0.1, -belly - 0.2), (0.35, -belly * 0.6)], second)
    canvas.fill([(-0.05, belly * 0.6), (0.02, belly + 0.18), (0.28, belly * 0.6)], second)
    canvas.fill(arc((0.18, 0), (0.82, belly)), color)
    for x in (-0.22, 0.12):
        half = belly * 0.93 * float(np.sqrt(1 - ((x - 0.18) / 0.82) ** 2))
        canvas.stroke([(x - 0.02, -half), (x + 0.05, 0), (x - 0.02, half)], WHITE, width=0.13)
    canvas.fill(arc((0.6, -0.13), (0.14, 0.14)), WHITE)
    canvas.fill(arc((0.63, -0.12), (0.08, 0.08)), INK)
    canvas.stroke(arc((0.84, 0.02), (0.14, 0.13), start=70, end=150), tinted(color, 0.5), width=0.05)


def _umbrella(canvas: Canvas, rng: np.random.Generator) -> None:
    colors = (bright_color(rng), WHITE if rng.random() < 0.5 else bright_color(rng))
    canvas.stroke([(0, -0.98), (0, 0.72)], (92, 66, 46), width=0.08)
    canvas.stroke(arc((0.15, 0.72), (0.15, 0.2), start=180, end=0), (92, 66, 46), width=0.11)
    edges = np.array([-0.98, -0.6, -0.2, 0.2, 0.6, 0.98])
    for index, (left, right) in enumerate(itertools.pairwise(edges)):
        canvas.fill(_gore(float(left), float(right)), colors[index % 2])
    canvas.stroke([(0, -0.98), (0, -0.86)], (92, 66, 46), width=0.09)


def _gore(left: float, right: float) -> list[tuple[float, float]]:
    """One panel of the canopy: from the tip along two meridians, its hem scalloped."""
    rise = np.linspace(np.pi / 2, 0, 12)
    ribs = [[(side * float(np.cos(a)), 0.1 - 0.96 * float(np.sin(a))) for a in rise] for side in (left, right)]
    hem = arc(((left + right) / 2, 0.1), ((right - left) / 2, 0.1), start=180, end=360)
    return [*ribs[0], *[(float(x), float(y)) for x, y in hem], *reversed(ribs[1])]


def _car(canvas: Canvas, rng: np.random.Generator) -> None:
    color, glass = bright_color(rng), (178, 212, 226)
    roof = rng.uniform(-0.62, -0.5)
    canvas.fill(rounded([(-0.72, -0.02), (-0.5, roof), (-0.4, roof), (0.2, roof), (0.36, roof), (0.64, 0.0)]), color)
    canvas.fill([(-0.66, 0.02), (-0.5, roof + 0.05), (0.22, roof + 0.05), (0.56, 0.02)], color)
    canvas.fill([(-0.52, -0.06), (-0.42, roof + 0.14), (-0.12, roof + 0.14), (-0.12, -0.06)], glass)
    canvas.fill([(0.0, -0.06), (0.0, roof + 0.14), (0.17, roof + 0.14), (0.4, -0.06)], glass)
    body = [(-0.98, 0.4), (-0.98, -0.02), (-0.8, -0.08), (0.6, -0.08), (0.98, 0.02), (1.0, 0.4)]
    canvas.fill(rounded(np.repeat(np.array(body), 2, axis=0)), color)
    canvas.fill([(-0.94, 0.16), (0.96, 0.16), (0.96, 0.24), (-0.94, 0.24)], tinted(color, 0.7))
    canvas.fill(arc((0.88, 0.06), (0.09, 0.08)), (255, 240, 170))
    canvas.fill(arc((-0.92, 0.08), (0.06, 0.08)), (220, 50, 44))
    for x in (-0.56, 0.54):
        canvas.fill(arc((x, 0.38), (0.25, 0.25)), INK)
        canvas.fill(arc((x, 0.38), (0.13, 0.13)), (198, 200, 206))


def _flower(canvas: Canvas, rng: np.random.Generator) -> None:
    color: Color = hue_color(rng.choice([0.95, 0.83, 0.0, 0.75, 0.12]), rng.uniform(0.4, 0.85), rng.uniform(0.85, 1.0))
    num_petals, green = int(rng.integers(5, 9)), hue_color(rng.uniform(0.27, 0.36), 0.75, rng.uniform(0.45, 0.65))
    canvas.stroke([(0, -0.35), (0.06, 0.3), (0, 0.98)], green, width=0.11)
    canvas.fill(arc((0.3, 0.5), (0.32, 0.13), turn=-30), green)
    canvas.fill(arc((-0.27, 0.66), (0.3, 0.12), turn=28), tinted(green, 0.85))
    for index, angle in enumerate(np.linspace(0, 360, num_petals, endpoint=False)):
        x, y = 0.36 * float(np.cos(np.radians(angle))), 0.36 * float(np.sin(np.radians(angle)))
        petal = arc((x, -0.36 + y), (0.27, min(0.22, 1.15 / num_petals)), turn=float(angle))
        canvas.fill(petal, tinted(color, 1.0 if index % 2 else 0.88))
    canvas.fill(arc((0, -0.36), (0.2, 0.2)), (120, 72, 30) if color[2] < 120 else (246, 196, 44))


OBJECTS: dict[str, Callable[[Canvas, np.random.Generator], None]] = {
    "balloon": _balloon,
    "bottle": _bottle,
    "car": _car,
    "fish": _fish,
    "flower": _flower,
    "mug": _mug,
    "star": _star,
    "umbrella": _umbrella,
}
CLASS_NAMES = tuple(OBJECTS)
