"""Random changes of a training example; boxes move along. One warp from the picture to the batch, no second blur."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from scanml.datasets.config import AugmentConfig
from scanml.structures.arrays import Bools, Floats, Pixels

PADDING = (114, 114, 114)  # as in ops.image: the network sees one kind of border


def random_warp(
    source: tuple[int, int], target: tuple[int, int], config: AugmentConfig, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The affine map (2, 3) from pixels of a picture of size `source` to a batch image of size `target`.

    It letterboxes, zooms around the center, shifts and perhaps mirrors. Sizes are (height, width).
    """
    (height, width), (out_height, out_width) = source, target
    fit = min(out_height / height, out_width / width)
    scale = fit * np.exp(rng.uniform(*np.log(config.scale)))
    shift = rng.uniform(-config.translate, config.translate, 2) * (out_width, out_height)
    flip = np.where(rng.random(2) < (config.flip_left_right, config.flip_up_down), -1.0, 1.0)
    middle = np.array([fit * width, fit * height]) / 2 + shift
    warp = np.zeros((2, 3))
    warp[0, 0], warp[1, 1] = scale * flip
    warp[:, 2] = middle - scale * flip * np.array([width, height]) / 2
    return warp


def warp_pixels(pixels: Pixels, warp: npt.NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    """The picture under an affine map whose coordinates are edges of pixels, as those of boxes are."""
    centers = warp.copy()  # OpenCV's coordinates are centers of pixels: half a pixel before and after
    centers[:, 2] += warp[:, :2].sum(axis=1) / 2 - 0.5
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_CONSTANT
    warped = cv2.warpAffine(pixels, centers, size[::-1], flags=flags, borderMode=border, borderValue=PADDING)
    return np.asarray(warped, np.uint8)


def warp_boxes(
    xyxy: Floats, warp: npt.NDArray[np.float64], size: tuple[int, int], *, min_visible: float
) -> tuple[Floats, Bools]:
    """Boxes (N, 4) after the map, cut to the image, and which of them still show at least `min_visible` of their area."""
    scale = np.array([warp[0, 0], warp[1, 1]] * 2)
    moved = xyxy.reshape(-1, 4) * scale + np.tile(warp[:, 2], 2)
    low, high = np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])
    moved = np.concatenate([low, high], axis=1)
    height, width = size
    cut = np.clip(moved, 0, [width, height, width, height])
    whole, left = _areas(moved), _areas(cut)
    return cut.astype(np.float32), left >= np.maximum(min_visible * whole, 1.0)


def jitter_colors(pixels: Pixels, config: AugmentConfig, rng: np.random.Generator) -> Pixels:
    """Brightness, contrast and saturation changed at random, as one 3×3 color matrix and an offset."""
    brightness, contrast, saturation = (
        1 + rng.uniform(-amount, amount) for amount in (config.brightness, config.contrast, config.saturation)
    )
    luma = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    mix = saturation * np.eye(3) + (1 - saturation) * np.tile(luma, (3, 1))
    gain = brightness * contrast
    offset = np.full((3, 1), 127.5 * brightness * (1 - contrast))
    return np.asarray(cv2.transform(pixels, np.hstack([gain * mix, offset])), np.uint8)


def _areas(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
