"""Clouds, grain and gradients: what backgrounds are made of. Pictures here are float32 (H, W, 3), 0…255."""

from __future__ import annotations

import cv2
import numpy as np

from scanml.datasets.synthetic.canvas import Color
from scanml.structures.arrays import Floats


def value_noise(
    rng: np.random.Generator, shape: tuple[int, int], *, cells: tuple[int, int], octaves: int = 3
) -> Floats:
    """Smooth noise (H, W) in [0, 1]: random grids of `cells` (rows, columns), octaves ever finer and fainter.

    Unequal cells stretch it (wood, waves). Source: value noise, Ebert et al. 2003, Texturing and Modeling, ch. 2.
    """
    height, width = shape
    noise = np.zeros(shape, np.float32)
    for octave in range(octaves):
        grid = rng.random((cells[0] << octave, cells[1] << octave), dtype=np.float32)
        noise += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.5**octave)
    low, high = float(noise.min()), float(noise.max())
    return np.asarray((noise - low) / max(high - low, 1e-6), dtype=np.float32)


def vertical_gradient(shape: tuple[int, int], top: Color, bottom: Color) -> Floats:
    """From one colour at the top to another at the bottom, (H, W, 3)."""
    share = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None, None]
    column = np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share
    return np.asarray(np.repeat(column, shape[1], axis=1), dtype=np.float32)


def blend(picture: Floats, color: Color, share: Floats) -> Floats:
    """`picture` with `share` (H, W) in [0, 1] of a colour laid over it."""
    return np.asarray(picture + (np.array(color, np.float32) - picture) * share[..., None], dtype=np.float32)


def smoothstep(values: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def modulated(picture: Floats, noise: Floats, depth: float) -> Floats:
    """`picture` lighter and darker with noise (H, W) in [0, 1], by up to `depth` (0.2: ±20 %)."""
    return np.asarray(picture * (1 + depth * (2 * noise - 1))[..., None], dtype=np.float32)
