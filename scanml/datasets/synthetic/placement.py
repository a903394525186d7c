"""Where an object goes in a scene, and how it stands on its ground."""

from __future__ import annotations

import cv2
import numpy as np

from scanml.datasets.synthetic.canvas import Rgba, paste
from scanml.structures.arrays import Pixels

_FLYING = ("balloon", "star")
_SHADOW_ALPHA = 105


def place_object(
    rng: np.random.Generator, name: str, sprite: Rgba, *, horizon: float, image_size: tuple[int, int]
) -> tuple[int, int]:
    """A random (left, top): balloons and stars in the air, the rest on the ground; sometimes across the border."""
    height, width = image_size
    tall, wide = sprite.shape[:2]
    left = rng.uniform(-0.3 * wide, width - 0.7 * wide)
    if horizon == 0:
        return round(left), round(rng.uniform(-0.2 * tall, height - 0.8 * tall))
    if name in _FLYING:
        return round(left), round(rng.uniform(-0.15 * tall, 0.75 * height - 0.5 * tall))
    ground = horizon + 0.15 * (1 - horizon)
    return round(left), round(rng.uniform(ground, 1.06) * height - tall)


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
