"""What a phone's camera does to a scene: exposure, colour cast, vignette, blur, noise."""

from __future__ import annotations

import cv2
import numpy as np

from scanml.structures.arrays import Pixels


def photograph(rng: np.random.Generator, picture: Pixels, *, strength: float = 1.0) -> Pixels:
    """A photo of `picture` uint8 (H, W, 3): random light, then the lens, then the sensor.

    `strength` scales every flaw; 0 returns the picture unchanged.
    """
    exposed = _vignette(rng, _expose(rng, picture, strength=strength), strength=strength)
    return _add_noise(rng, _blur(rng, exposed, strength=strength), strength=strength)


def _expose(rng: np.random.Generator, picture: Pixels, *, strength: float) -> Pixels:
    """Gain ±18 %, gamma 0.8…1.25, cast ±7 % a channel, as one table per channel."""
    gamma = float(np.exp(strength * rng.uniform(-0.22, 0.22)))
    gains = 1 + strength * (rng.uniform(-0.18, 0.18) + rng.uniform(-0.07, 0.07, 3))
    levels = np.linspace(0, 1, 256)[:, None] ** gamma * gains
    table = np.clip(np.round(levels * 255), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[None]))


def _vignette(rng: np.random.Generator, picture: Pixels, *, strength: float) -> Pixels:
    """Corners up to 35 % darker, with the square of the distance from the center."""
    height, width = picture.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    light = 1 - strength * rng.uniform(0, 0.35) / 2 * (x * x + y * y)
    return np.asarray(cv2.multiply(picture, np.repeat(light[..., None], 3, axis=2).astype(np.float32), dtype=cv2.CV_8U))


def _blur(rng: np.random.Generator, picture: Pixels, *, strength: float) -> Pixels:
    """Half of the photos a little out of focus (sigma up to 1.1 px), one in eight shaken (3 or 5 px)."""
    kind, amount = rng.random(), rng.uniform(0.3, 1.1)
    if kind < 0.5 and strength > 0:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), amount * strength))
    if kind < 0.625 and strength >= 1:
        length = int(rng.choice([3, 5]))
        kernel = np.eye(length, dtype=np.float32) if amount < 0.7 else np.ones((1, length), np.float32)
        return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()))
    return picture


def _add_noise(rng: np.random.Generator, picture: Pixels, *, strength: float) -> Pixels:
    """Gaussian sensor noise, sigma 1…6 grey levels."""
    sigma = strength * rng.uniform(1, 6)
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(sigma)
    return np.asarray(cv2.add(picture, np.round(noise).astype(np.int16), dtype=cv2.CV_8U))
