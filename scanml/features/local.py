"""Keypoints and RootSIFT descriptors of a picture: what markers are recognised by."""

from __future__ import annotations

import math

import cv2
import numpy as np

from scanml.errors import DataError
from scanml.features.config import LocalConfig
from scanml.structures.arrays import Bools, Floats, Pixels
from scanml.structures.marker import LocalFeatures

DESCRIPTOR_SIZE = 128  # 4×4 cells of 8 orientations (Lowe 2004, sec. 6.1)


def extract_local(pixels: Pixels, *, max_points: int, config: LocalConfig | None = None) -> LocalFeatures:
    """The strongest keypoints of an RGB picture, uint8 (H, W, 3), spread over it, strongest first; deterministic.

    Points are in pixels of `pixels`, whose outer edges are 0 and W (0 and H): the center of the first pixel is 0.5.
    Descriptors are float32 (K, 128) of unit length, K <= `max_points`; blank and tiny pictures have K = 0.

    Source: Lowe 2004 (SIFT); Arandjelović & Zisserman 2012 (RootSIFT, the square root of the L1-normalized SIFT).

    Raises:
        DataError: `pixels` is not uint8 (H, W, 3).

    >>> len(extract_local(np.zeros((480, 640, 3), np.uint8), max_points=100))
    0
    """
    config = config or LocalConfig()
    small = shrink(pixels, max_side_px=config.max_side_px)
    if min(small.shape[:2]) < config.min_side_px or max_points < 1:
        return _no_features()
    # All points, not SIFT's own strongest: those crowd where contrast is, and weaker cells would have nothing to give.
    # Precise upscaling, as OpenCV's SIFT otherwise shifts all points by a quarter of a pixel when it doubles the image.
    sift = cv2.SIFT.create(enable_precise_upscale=True)
    keypoints, descriptors = sift.detectAndCompute(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), None)
    if not keypoints:
        return _no_features()
    size = np.array([small.shape[1], small.shape[0]], dtype=np.float32)
    points = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float32) + np.float32(0.5)
    responses = np.array([keypoint.response for keypoint in keypoints], dtype=np.float32)
    crowded = _is_crowded(points / size, responses, max_points=max_points, config=config)
    best = np.lexsort((points[:, 0], points[:, 1], -responses, crowded))[:max_points]
    scale = np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float32) / size
    return LocalFeatures(points[best] * scale, _root(np.asarray(descriptors, np.float32)[best]))


def shrink(pixels: Pixels, *, max_side_px: int) -> Pixels:
    """The picture, uint8 (H, W, 3), scaled down until its longest side is at most `max_side_px`; never scaled up.

    Raises:
        DataError: `pixels` is not uint8 (H, W, 3).

    >>> shrink(np.zeros((300, 400, 3), np.uint8), max_side_px=200).shape
    (150, 200, 3)
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise DataError(f"expected RGB pixels, uint8 (H, W, 3), received {pixels.dtype} {pixels.shape}.")
    height, width = pixels.shape[:2]
    scale = max_side_px / max(height, width, 1)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _is_crowded(relative: Floats, responses: Floats, *, max_points: int, config: LocalConfig) -> Bools:
    """(K,): does the point's grid cell hold more than its share of stronger points? `relative` (K, 2) is in [0, 1]."""
    column, row = np.clip((relative * config.grid).astype(np.int64), 0, config.grid - 1).T
    cell = row * config.grid + column
    order = np.lexsort((-responses, cell))
    starts = np.searchsorted(cell[order], cell[order])
    place = np.empty(len(cell), dtype=np.int64)
    place[order] = np.arange(len(cell)) - starts
    return np.asarray(place >= math.ceil(config.cell_surplus * max_points / config.grid**2), dtype=np.bool_)


def _root(sift: Floats) -> Floats:
    total = np.maximum(sift.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(np.sqrt(sift / total), dtype=np.float32)


def _no_features() -> LocalFeatures:
    return LocalFeatures(np.zeros((0, 2), np.float32), np.zeros((0, DESCRIPTOR_SIZE), np.float32))
