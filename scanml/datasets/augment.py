"""Random changes of a training example; boxes move along. One resize from the picture to the batch, no second blur.

Chance and boxes live here, on the host. Pixels are made here by OpenCV, or on the device by `ops.augment` from the same
placements and colors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scanml.datasets.config import AugmentConfig
from scanml.structures.arrays import Bools, Doubles, Floats, Pixels

PADDING = 114  # as in ops.image: the network sees one kind of border
_LUMA = np.tile([0.299, 0.587, 0.114], (3, 1))  # ITU-R BT.601
_IDENTITY = np.eye(3)
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])  # FCC NTSC, 1953
_FROM_YIQ = np.linalg.inv(_TO_YIQ)
_FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # OpenCV's codes for (left-right, up-down)
_MIDDLE = (0.25, 0.75)  # where a mosaic's center lies, of the side: each picture shows on a quarter of it at least


@dataclass(frozen=True)
class Span:
    """Along one axis: pixels `source` = (start, stop) of a picture fill the pixels `target` of a batch image.

    Whole pixels on both sides make it a crop and a resize, which cost a third of a free affine map. With `mirror`,
    `source` counts from the picture's far end.
    """

    source: tuple[int, int]
    target: tuple[int, int]
    length: int  # of the picture
    mirror: bool

    @property
    def crop(self) -> slice:
        """The pixels of the picture that are seen."""
        start, stop = self.source
        return slice(self.length - stop, self.length - start) if self.mirror else slice(start, stop)

    def move(self, places: Doubles) -> Doubles:
        """Places along the picture, in pixels, as places along the batch image; also beyond what is seen."""
        from_start = self.length - places if self.mirror else places
        scale = (self.target[1] - self.target[0]) / (self.source[1] - self.source[0])
        return self.target[0] + scale * (from_start - self.source[0])

    @property
    def numbers(self) -> tuple[float, ...]:
        """`scale`, `offset`, `low`, `high`, `first`, `last` of `structures.batches.DEVICE_PIXELS`."""
        scale = (self.source[1] - self.source[0]) / (self.target[1] - self.target[0])
        offset = self.source[0] - scale * self.target[0]
        if self.mirror:
            scale, offset = -scale, self.length - offset
        return scale, offset, self.crop.start, self.crop.stop, *self.target


@dataclass(frozen=True)
class Placement:
    """How a picture lies in a batch image of `size` (height, width)."""

    x: Span
    y: Span
    size: tuple[int, int]


def random_placement(
    source: tuple[int, int],
    target: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
    *,
    xyxy: Floats | None = None,
) -> Placement:
    """Letterboxed, zoomed around its center, shifted and perhaps mirrored. Sizes are (height, width).

    With probability `config.box_safe` the boxes `xyxy` (N, 4) whose centers lie in the window that was drawn are shown
    whole: the window widens until it holds them, and keeps its shape. What only the widening let in may be cut.

    The two axes' zooms differ by the rounding to whole pixels: under 1 % at usual sizes.
    """
    sides, room = np.array(source[::-1], float), np.array(target[::-1], float)
    fit = float((room / sides).min())
    scale = fit * _random_zoom(config, rng)
    shifts = rng.uniform(-config.translate, config.translate, 2) * room
    mirrors = _random_mirrors(config, rng)
    starts = sides * fit / 2 + shifts - scale * sides / 2
    if xyxy is not None and config.box_safe and rng.random() < config.box_safe:
        seen = np.stack([-starts, room - starts]) / scale
        seen = _widen(seen, _mirrored(xyxy, sides, mirrors))
        scale = float((room / (seen[1] - seen[0])).min())
        starts = room / 2 - scale * seen.mean(axis=0)
    x, y = (_span(int(sides[i]), int(room[i]), scale=scale, start=starts[i], mirror=bool(mirrors[i])) for i in range(2))
    return Placement(x=x, y=y, size=target)


def random_mosaic(
    sources: Sequence[tuple[int, int]], target: tuple[int, int], config: AugmentConfig, rng: np.random.Generator
) -> tuple[Placement, ...]:
    """Four pictures of sizes `sources` around a random point, each a random part, zoomed and perhaps mirrored.

    Things keep their sizes: each picture is zoomed as if it were alone, then cut to its quarter.
    Source: A. Bochkovskiy et al., "YOLOv4", 2020, sec. 3.3; there the parts always touch the picture's corner.
    """
    room = np.array(target[::-1])
    center = np.clip(np.rint(rng.uniform(*_MIDDLE, 2) * room).astype(int), 1, room - 1)
    placements = []
    for number, source in enumerate(sources):
        far = np.array([number % 2, number // 2], bool)  # right of the center, below it
        offset, quarter = np.where(far, center, 0), np.where(far, room - center, center)
        sides = np.array(source[::-1], float)
        scale = float((room / sides).min()) * _random_zoom(config, rng)
        mirrors, shares = _random_mirrors(config, rng), rng.random(2)
        spare = quarter - scale * sides  # below 0 a part is cut off; above, the picture touches the center
        starts = spare * np.where(spare < 0, shares, ~far)
        x, y = (
            _span(
                int(sides[i]), int(quarter[i]), scale=scale, start=starts[i], mirror=bool(mirrors[i]), at=int(offset[i])
            )
            for i in range(2)
        )
        placements.append(Placement(x=x, y=y, size=target))
    return tuple(placements)


def place_pixels(tiles: Iterable[tuple[Pixels, Placement]]) -> Pixels:
    """The batch image (H, W, 3): every picture where it was placed, gray where there is none."""
    canvas: Pixels | None = None
    for pixels, placement in tiles:
        x, y = placement.x, placement.y
        size = (x.target[1] - x.target[0], y.target[1] - y.target[0])
        seen = cv2.resize(pixels[y.crop, x.crop], size, interpolation=cv2.INTER_LINEAR)
        if x.mirror or y.mirror:
            seen = cv2.flip(seen, _FLIPS[x.mirror, y.mirror])
        if size == placement.size[::-1]:
            return np.asarray(seen, np.uint8)
        canvas = np.full((*placement.size, 3), PADDING, np.uint8) if canvas is None else canvas
        canvas[slice(*y.target), slice(*x.target)] = seen
    return np.asarray(canvas, np.uint8)


def place_boxes(xyxy: Floats, placement: Placement, *, min_visible: float) -> tuple[Floats, Bools]:
    """Boxes (N, 4) on the batch image, cut to what is seen, and which show `min_visible` of their area and 1 px²."""
    places = np.asarray(xyxy, np.float64).reshape(-1, 2, 2)
    moved = np.stack([placement.x.move(places[..., 0]), placement.y.move(places[..., 1])], axis=-1)
    moved.sort(axis=1)
    low, high = zip(placement.x.target, placement.y.target, strict=True)
    cut = np.clip(moved, low, high)
    whole, left = ((corners[:, 1] - corners[:, 0]).prod(axis=1) for corners in (moved, cut))
    return cut.reshape(-1, 4).astype(np.float32), left >= np.maximum(min_visible * whole, 1.0)


def random_colors(config: AugmentConfig, rng: np.random.Generator) -> Doubles:
    """Hue, saturation, contrast and brightness changed at random, as one matrix (3, 4) over (red, green, blue, 1)."""
    amounts = np.array([config.brightness, config.contrast, config.saturation])
    brightness, contrast, saturation = 1 + amounts * rng.uniform(-1, 1, 3)
    colors = np.empty((3, 4))
    colors[:, :3] = brightness * contrast * (saturation * _IDENTITY + (1 - saturation) * _LUMA)
    colors[:, 3] = 127.5 * brightness * (1 - contrast)
    if config.hue:
        angle = np.pi * config.hue * rng.uniform(-1, 1)
        turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        colors[:, :3] @= _FROM_YIQ @ turn @ _TO_YIQ
    return colors


def change_colors(pixels: Pixels, colors: Doubles) -> Pixels:
    """Every pixel (red, green, blue, 1) times the matrix `colors` (3, 4), cut to 0…255."""
    return np.asarray(cv2.transform(pixels, colors), np.uint8)


def _random_zoom(config: AugmentConfig, rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(config.scale[0]), math.log(config.scale[1])))


def _random_mirrors(config: AugmentConfig, rng: np.random.Generator) -> Bools:
    return np.asarray(rng.random(2) < (config.flip_left_right, config.flip_up_down))


def _mirrored(xyxy: Floats, sides: Doubles, mirrors: Bools) -> Doubles:
    """Boxes as corners (N, 2, 2), low before high, cut to their picture, which is mirrored first."""
    corners = np.clip(np.asarray(xyxy, np.float64).reshape(-1, 2, 2), 0, sides)
    return np.sort(np.where(mirrors, sides - corners, corners), axis=1)


def _widen(seen: Doubles, corners: Doubles) -> Doubles:
    """The window `seen` (2, 2), low before high, widened until boxes with centers inside are whole.

    By a pixel more: the window's edges are rounded to whole pixels later.
    """
    centers = corners.mean(axis=1)
    inside = corners[((seen[0] <= centers) & (centers <= seen[1])).all(axis=1)]
    low = np.minimum(seen[0], inside[:, 0].min(axis=0, initial=np.inf) - 1)
    return np.stack([low, np.maximum(seen[1], inside[:, 1].max(axis=0, initial=-np.inf) + 1)])


def _span(length: int, room: int, *, scale: float, start: float, mirror: bool, at: int = 0) -> Span:
    """`length` pixels, scaled, from `start` on, cut to 0…`room`: to whole pixels, one at least on both sides.

    The room itself begins at pixel `at` of the batch image.
    """
    stop = start + scale * length
    first = round(min(max(start, 0), room - 1))
    last = max(round(min(max(stop, first + 1), room)), first + 1)
    low = 0 if start >= 0 else min(round(-start / scale), length - 1)
    high = length if stop <= room else max(round((room - start) / scale), low + 1)
    return Span((low, high), (at + first, at + last), length, mirror)
