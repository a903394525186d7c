"""A small transparent canvas to draw one object on, with light from the upper left."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from scanml.structures.arrays import Doubles, Floats, Pixels

Color = tuple[int, int, int]  # RGB, 0…255
Rgba = npt.NDArray[np.uint8]  # (H, W, 4), colours already multiplied by alpha
PointsLike = Sequence[tuple[float, float]] | Doubles

WHITE: Color = (250, 250, 246)
INK: Color = (38, 36, 44)

_SUPERSAMPLING = 2  # drawn twice as large, then averaged: smooth edges at 24 px
_FRACTION_BITS = 4  # OpenCV's fixed-point coordinates: sixteenths of a pixel
_MARGIN = 1.5  # room for what reaches beyond the unit square after turning
_TO_LIGHT = (-0.6, -0.8)  # unit vector in the picture, to the upper left


def hue_color(hue: float, saturation: float, value: float) -> Color:
    """RGB of a hue (turns, wraps around), saturation and value in [0, 1].

    >>> hue_color(0.0, 1.0, 1.0)
    (255, 0, 0)
    """
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(red * 255), round(green * 255), round(blue * 255)


def bright_color(rng: np.random.Generator) -> Color:
    """A random saturated colour."""
    return hue_color(rng.random(), rng.uniform(0.6, 0.95), rng.uniform(0.72, 1.0))


def tinted(color: Color, factor: float) -> Color:
    """The colour darker (`factor` < 1) or lighter (> 1: that much of the way to twice as bright, at most white)."""
    red, green, blue = (min(255, round(channel * factor + max(0.0, factor - 1) * 60)) for channel in color)
    return red, green, blue


def arc(
    center: tuple[float, float],
    radii: tuple[float, float],
    *,
    start: float = 0.0,
    end: float = 360.0,
    turn: float = 0.0,
) -> Doubles:
    """Points (K, 2) along an ellipse from `start` to `end` degrees (clockwise, 0 = right), turned by `turn`."""
    angles = np.radians(np.linspace(start, end, 33))
    x, y = radii[0] * np.cos(angles), radii[1] * np.sin(angles)
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return np.stack([center[0] + cosine * x - sine * y, center[1] + sine * x + cosine * y], axis=1)


def rounded(points: PointsLike) -> Doubles:
    """A closed outline with its corners cut three times (Chaikin 1974), (8 K, 2)."""
    outline = np.asarray(points, dtype=np.float64)
    for _ in range(3):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(-1, 2)
    return outline


class Canvas:
    """A square to draw on in units of its half side: the object lies in [-1, 1]², x to the right, y down.

    Everything drawn is mirrored (if asked) and turned clockwise by `angle_degrees` about the center.
    """

    def __init__(self, side_px: float, *, angle_degrees: float = 0.0, mirrored: bool = False) -> None:
        self._unit_px = side_px / 2 * _SUPERSAMPLING
        side = math.ceil(side_px * _MARGIN) * _SUPERSAMPLING
        self._rgba: Rgba = np.zeros((side, side, 4), np.uint8)
        angle = math.radians(angle_degrees)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        self._matrix: Doubles = np.diag([-1.0 if mirrored else 1.0, 1.0]) @ turn

    def fill(self, points: PointsLike, color: Color) -> None:
        """Fill a closed outline (K, 2)."""
        cv2.fillPoly(self._rgba, [self._fixed(points)], (*color, 255), cv2.LINE_AA, _FRACTION_BITS)

    def stroke(self, points: PointsLike, color: Color, *, width: float) -> None:
        """Draw an open line (K, 2) that is `width` half sides thick, at least one final pixel."""
        thickness = max(_SUPERSAMPLING, round(width * self._unit_px))
        cv2.polylines(
            self._rgba, [self._fixed(points)], False, (*color, 255), thickness, cv2.LINE_AA, shift=_FRACTION_BITS
        )

    def finish(self, *, relief: float = 1.0) -> Rgba:
        """The drawing with light and shade, trimmed to its visible pixels; `relief` 0 leaves it flat."""
        side = len(self._rgba) // _SUPERSAMPLING
        small = np.asarray(cv2.resize(self._rgba, (side, side), interpolation=cv2.INTER_AREA))
        alpha = small[..., 3:].astype(np.float32)
        light = 1 + relief * _relief(alpha[..., 0] / np.float32(255))[..., None]
        small[..., :3] = np.minimum(small[..., :3] * light, alpha).astype(np.uint8)
        x, y, width, height = cv2.boundingRect((small[..., 3] >= 8).astype(np.uint8))
        return small[y : y + height, x : x + width].copy()

    def _fixed(self, points: PointsLike) -> npt.NDArray[np.int32]:
        center = len(self._rgba) / 2 - 0.5
        pixels = np.asarray(points, dtype=np.float64) @ self._matrix.T * self._unit_px + center
        return np.round(pixels * (1 << _FRACTION_BITS)).astype(np.int32)


def _relief(alpha: Floats) -> Floats:
    """How much lighter (+) or darker (-) a pillow of this outline is, (H, W), about [-0.45, 0.35]."""
    sigma = max(1.0, len(alpha) * 0.07)
    soft = cv2.GaussianBlur(alpha, (0, 0), sigma)
    slope_x, slope_y = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    toward = -(slope_x * _TO_LIGHT[0] + slope_y * _TO_LIGHT[1]) * sigma / 4
    return np.asarray(np.clip(toward * 1.1, -0.45, 0.35), dtype=np.float32)


def paste(pixels: Pixels, sprite: Rgba, *, left: int, top: int) -> None:
    """Lay a sprite over `pixels` (H, W, 3) in place; what lies outside is cut off."""
    target, source = _overlap(pixels.shape[:2], sprite.shape[:2], left=left, top=top)
    region, part = pixels[target], sprite[source].astype(np.uint16)
    region[:] = np.minimum(part[..., :3] + region * (255 - part[..., 3:]) // 255, 255).astype(np.uint8)


def stamp(shape: tuple[int, int], sprite: Rgba, *, left: int, top: int) -> npt.NDArray[np.bool_]:
    """Where a sprite covers at least half of a pixel of an image of `shape` (H, W)."""
    mask = np.zeros(shape, np.bool_)
    target, source = _overlap(shape, sprite.shape[:2], left=left, top=top)
    mask[target] = sprite[source][..., 3] >= 128
    return mask


def _overlap(
    outer: Sequence[int], inner: Sequence[int], *, left: int, top: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    starts = (top, left)
    outside = tuple(slice(max(s, 0), max(0, min(s + i, o))) for s, i, o in zip(starts, inner, outer, strict=True))
    inside = tuple(slice(w.start - s, max(w.stop - s, 0)) for s, w in zip(starts, outside, strict=True))
    return (outside[0], outside[1]), (inside[0], inside[1])
