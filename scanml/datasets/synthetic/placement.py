"""Where an object goes in a scene, and how it stands on its ground."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from scanml.datasets.synthetic.canvas import Canvas, Rgba, paste
from scanml.structures.arrays import Pixels

DRINKS = ("bottle", "mug")
_FLYING = ("balloon", "star")
_CHECKS = ((214, 44, 52), (234, 142, 146), (250, 240, 236))  # gingham: both threads red, one, none
_SHADOW_ALPHA = 105


def can_float(name: str, *, horizon: float) -> bool:
    """Whether an object of this kind is in the air: balloons and stars, unless the place is seen from above."""
    return horizon > 0 and name in _FLYING


def choose_place(
    rng: np.random.Generator, sprite: Rgba, *, horizon: float | None, image_size: tuple[int, int]
) -> tuple[int, int]:
    """A random (left, top) in pixels, sometimes across the border.

    In the air where `horizon` is None, else on the ground below it; 0 means all of the picture is ground.
    """
    height, width = image_size
    tall, wide = sprite.shape[:2]
    left = rng.uniform(-0.3 * wide, width - 0.7 * wide)
    top = rng.uniform(-0.2 * tall, height - 0.8 * tall)
    if horizon is None:
        top = rng.uniform(-0.15 * tall, 0.75 * height - 0.5 * tall)
    elif horizon > 0:
        top = rng.uniform(horizon + 0.15 * (1 - horizon), 1.06) * height - tall
    return round(left), round(top)


def lay_cloth(name: str, sprite: Rgba) -> tuple[Rgba, int, int] | None:
    """The checked cloth that a drink is served on, and its (left, top) from the drink's; other kinds have none."""
    if name not in DRINKS:
        return None
    tall, wide = sprite.shape[:2]
    cloth = _draw_cloth(1.7 * max(tall, wide))
    return cloth, (wide - cloth.shape[1]) // 2, tall - round(0.6 * cloth.shape[0])


def _draw_cloth(side_px: float) -> Rgba:
    canvas = Canvas(side_px)
    across, along = np.linspace(-1, 1, 10), np.linspace(-0.3, 0.3, 6)
    for row, (far, near) in enumerate(itertools.pairwise(along)):
        for column, (left, right) in enumerate(itertools.pairwise(across)):
            color = _CHECKS[row % 2 + column % 2]
            outline = [(left, far), (right, far), (right, near), (left, near)]
            canvas.fill([(x * (0.88 + 0.4 * y), y) for x, y in outline], color)  # narrower where it is farther away
    return canvas.finish(relief=0.4)


def stand(pixels: Pixels, sprite: Rgba, *, left: int, top: int, floats: bool) -> None:
    """Draw a sprite into `pixels` (H, W, 3) in place, with the shadow at its foot unless it `floats`."""
    tall, wide = sprite.shape[:2]
    if not floats:
        pad = max(4, tall // 8)
        shadow = np.zeros((2 * pad + 1, wide + 2 * pad, 4), np.uint8)
        axes = (max(2, wide * 2 // 5), max(2, pad // 2))
        cv2.ellipse(shadow, ((wide + 2 * pad) // 2, pad), axes, 0, 0, 360, (0, 0, 0, _SHADOW_ALPHA), -1, cv2.LINE_AA)
        soft = np.asarray(cv2.blur(shadow, (pad | 1, pad // 2 | 1)))
        paste(pixels, soft, left=left - pad, top=top + tall - pad - max(1, tall // 24))
    paste(pixels, sprite, left=left, top=top)
