"""Intersection over union of boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError
from scanml.structures.arrays import Bools, Doubles


def pairwise_iou(a: npt.ArrayLike, b: npt.ArrayLike, *, crowd: Bools | None = None) -> Doubles:
    """IoU of every box in `a` (N, 4) with every box in `b` (M, 4), both xyxy: float64 (N, M) in [0, 1].

    Where `crowd` bool (M,) is set, the intersection is divided by the area of a's box alone, as COCO does for regions
    that stand for many objects. Boxes without area overlap nothing.

    >>> pairwise_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[0.333, 0.   ]])
    """
    first, second = _corners(a, "a"), _corners(b, "b")
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    area_a, area_b = _areas(first)[:, None], _areas(second)[None, :]
    whole = area_a + area_b - shared
    if crowd is not None:
        whole = np.where(crowd[None, :], area_a, whole)
    return np.asarray(shared / np.where(shared > 0, whole, 1.0), dtype=np.float64)


def _corners(boxes: npt.ArrayLike, name: str) -> Doubles:
    corners = np.asarray(boxes, dtype=np.float64)
    if corners.size == 0:
        return corners.reshape(0, 4)
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise DataError(f"pairwise_iou: {name} must be (N, 4) xyxy, received {corners.shape}; if empty, (0, 4).")
    return corners


def _areas(corners: Doubles) -> Doubles:
    return np.asarray((corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]), dtype=np.float64)
