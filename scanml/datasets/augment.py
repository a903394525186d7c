"""Random changes of a training example; boxes move along. One resize from the picture to the batch, no second blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanml.datasets.config import AugmentConfig
from scanml.structures.arrays import Bools, Floats, Pixels

PADDING = (114, 114, 114)  # as in ops.image: the network sees one kind of border
_LUMA = np.tile([0.299, 0.587, 0.114], (3, 1))  # ITU-R BT.601
_IDENTITY = np.eye(3)
_FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # OpenCV's codes for (left-right, up-down)


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

    def move(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Places along the picture, in pixels, as places along the batch image; also beyond what is seen."""
        from_start = self.length - places if self.mirror else places
        scale = (self.target[1] - self.target[0]) / (self.source[1] - self.source[0])
        return self.target[0] + scale * (from_start - self.source[0])


@dataclass(frozen=True)
class Placement:
    """How a picture lies in a batch image of `size` (height, width)."""

    x: Span
    y: Span
    size: tuple[int, int]


def random_placement(
    source: tuple[int, int], target: tuple[int, int], config: AugmentConfig, rng: np.random.Generator
) -> Placement:
    """Letterboxed, zoomed around its center, shifted and perhaps mirrored. Sizes are (height, width).

    The two axes' zooms differ by the rounding to whole pixels: under 1 % at usual sizes.
    """
    (height, width), (out_height, out_width) = source, target
    fit = min(out_height / height, out_width / width)
    zoom = np.exp(rng.uniform(np.log(config.scale[0]), np.log(config.scale[1])))
    shifts = rng.uniform(-config.translate, config.translate, 2) * (out_width, out_height)
    mirrors = rng.random(2) < (config.flip_left_right, config.flip_up_down)
    scale, (middle_x, middle_y) = fit * zoom, np.array([width, height]) * fit / 2 + shifts
    return Placement(
        x=_span(width, out_width, scale=scale, middle=middle_x, mirror=bool(mirrors[0])),
        y=_span(height, out_height, scale=scale, middle=middle_y, mirror=bool(mirrors[1])),
        size=target,
    )


def place_pixels(pixels: Pixels, placement: Placement) -> Pixels:
    """The batch image (H, W, 3): the picture where it was placed, gray where there is none."""
    x, y = placement.x, placement.y
    size = (x.target[1] - x.target[0], y.target[1] - y.target[0])
    seen = cv2.resize(pixels[y.crop, x.crop], size, interpolation=cv2.INTER_LINEAR)
    if x.mirror or y.mirror:
        seen = cv2.flip(seen, _FLIPS[x.mirror, y.mirror])
    if size == placement.size[::-1]:
        return np.asarray(seen, np.uint8)
    (top, bottom), (left, right), (height, width) = y.target, x.target, placement.size
    edges = (top, height - bottom, left, width - right)
    return np.asarray(cv2.copyMakeBorder(seen, *edges, cv2.BORDER_CONSTANT, value=PADDING), np.uint8)


def place_boxes(xyxy: Floats, placement: Placement, *, min_visible: float) -> tuple[Floats, Bools]:
    """Boxes (N, 4) on the batch image, cut to it, and which still show `min_visible` of their area and 1 px²."""
    places = np.asarray(xyxy, np.float64).reshape(-1, 2, 2)
    moved = np.stack([placement.x.move(places[..., 0]), placement.y.move(places[..., 1])], axis=-1)
    moved.sort(axis=1)
    cut = np.clip(moved, 0, placement.size[::-1])
    whole, left = ((corners[:, 1] - corners[:, 0]).prod(axis=1) for corners in (moved, cut))
    return cut.reshape(-1, 4).astype(np.float32), left >= np.maximum(min_visible * whole, 1.0)


def jitter_colors(pixels: Pixels, config: AugmentConfig, rng: np.random.Generator) -> Pixels:
    """Brightness, contrast and saturation changed at random, as one 3×3 color matrix and an offset."""
    amounts = np.array([config.brightness, config.contrast, config.saturation])
    brightness, contrast, saturation = 1 + amounts * rng.uniform(-1, 1, 3)
    change = np.empty((3, 4))
    change[:, :3] = brightness * contrast * (saturation * _IDENTITY + (1 - saturation) * _LUMA)
    change[:, 3] = 127.5 * brightness * (1 - contrast)
    return np.asarray(cv2.transform(pixels, change), np.uint8)


def _span(length: int, room: int, *, scale: float, middle: float, mirror: bool) -> Span:
    """`length` pixels, scaled around `middle`, cut to 0…`room`: to whole pixels, one at least on both sides."""
    start, stop = middle - scale * length / 2, middle + scale * length / 2
    first = round(min(max(start, 0), room - 1))
    last = round(min(max(stop, first + 1), room))
    low = 0 if start >= 0 else min(round(-start / scale), length - 1)
    high = length if stop <= room else max(round((room - start) / scale), low + 1)
    return Span((low, high), (first, max(last, first + 1)), length, mirror)
