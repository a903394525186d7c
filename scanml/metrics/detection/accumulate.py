"""From matched detections to COCO's AP and AR, for many weightings of the images at once.

Equal to pycocotools' `accumulate` and `summarize` when every image counts once; with integer weights, to pycocotools
on a set in which each image is repeated that often. Rows of weights are the bootstrap's resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanml.metrics.ratio import ratio_or_nan
from scanml.structures.arrays import Bools, Doubles, Ints

# pycocotools' Params.setDetParams; `linspace` and not steps of .05, which differ in the last bit and move AP.
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_GRID = np.linspace(0.0, 1.0, 101)
AREAS = ("all", "small", "medium", "large")
AREA_LIMITS_PX2 = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
MAX_DETECTIONS = (1, 10, 100)  # per image and class

_IOU_50, _IOU_75 = 0, 5
_AP_COLUMNS = {"APsmall": 1, "APmedium": 2, "APlarge": 3}  # into AREAS
_RECALL_CELLS = {  # (area, most detections per image)
    "AR1": (0, 1),
    "AR10": (0, 10),
    "AR100": (0, 100),
    "ARsmall": (1, 100),
    "ARmedium": (2, 100),
    "ARlarge": (3, 100),
}
_CHUNK = 2**18  # detections × resamples held at once: 2 MB, about a core's cache


@dataclass(frozen=True, eq=False)
class Cell:
    """All detections of one class in one area range, best first (ties: in image order).

    image int32 (D,): which image; rank int32 (D,): 0 is the image's best; matched, ignored bool (T, D) per IoU
    threshold; num_truths int32 (I,): objects to be found in each image.
    """

    image: Ints
    rank: Ints
    matched: Bools
    ignored: Bools
    num_truths: Ints


@dataclass(frozen=True, eq=False)
class Accumulated:
    """Per class (C), IoU threshold (T) and weighting (R); NaN where a class has no object (pycocotools' -1).

    precision float64 (C, 4, T, R): AP in the order of `AREAS`; recall float64 (C, 6, T, R): as AR1 … ARlarge.
    """

    precision: Doubles
    recall: Doubles

    def summary(self) -> dict[str, Doubles]:
        """COCO's twelve numbers, each (R,)."""
        everywhere = self.precision[:, 0]
        numbers = {
            "AP": _mean_defined(everywhere),
            "AP50": _mean_defined(everywhere[:, [_IOU_50]]),
            "AP75": _mean_defined(everywhere[:, [_IOU_75]]),
        }
        numbers |= {name: _mean_defined(self.precision[:, column]) for name, column in _AP_COLUMNS.items()}
        return numbers | {name: _mean_defined(self.recall[:, i]) for i, name in enumerate(_RECALL_CELLS)}

    def per_class(self) -> dict[str, Doubles]:
        """AP and AP50 of each class, each (C, R)."""
        return {"AP": self.precision[:, 0].mean(axis=1), "AP50": self.precision[:, 0, _IOU_50]}


def accumulate(cells: Sequence[Sequence[Cell]], weights: npt.NDArray[np.integer]) -> Accumulated:
    """AP and AR of `cells` (per class, per area) for every row of `weights` (R, I), how often each image counts."""
    columns = np.ascontiguousarray(weights.T, dtype=np.float64)
    num_resamples, num_ious = len(weights), len(IOU_THRESHOLDS)
    precision = np.empty((len(cells), len(AREAS), num_ious, num_resamples))
    recall = np.empty((len(cells), len(_RECALL_CELLS), num_ious, num_resamples))
    for row, areas in enumerate(cells):
        for column, cell in enumerate(areas):
            precision[row, column] = _average_precision(cell, columns)
        for column, (area, limit) in enumerate(_RECALL_CELLS.values()):
            recall[row, column] = _recall(areas[area], columns, limit)
    return Accumulated(precision, recall)


def precision_on_grid(cell: Cell, iou_index: int) -> Doubles:
    """Interpolated precision at the 101 points of `RECALL_GRID`, (101,); NaN if there is nothing to find."""
    if not cell.num_truths.any():
        return np.full(len(RECALL_GRID), np.nan)
    once = np.ones((len(cell.num_truths), 1))
    envelope, steps = _curve(cell, iou_index, once)
    reached = np.repeat(envelope[:, 0], steps[:, 0])
    return np.concatenate([reached, np.zeros(len(RECALL_GRID) - len(reached))])


def _average_precision(cell: Cell, weights: Doubles) -> Doubles:
    """AP per IoU threshold and weighting, (T, R)."""
    values = np.empty((len(IOU_THRESHOLDS), weights.shape[1]))
    step = max(1, _CHUNK // max(1, len(cell.image)))
    for start in range(0, weights.shape[1], step):
        chunk = np.ascontiguousarray(weights[:, start : start + step])
        for iou_index in range(len(IOU_THRESHOLDS)):
            envelope, steps = _curve(cell, iou_index, chunk)
            values[iou_index, start : start + step] = np.einsum("pr,pr->r", envelope, steps) / len(RECALL_GRID)
    values[:, _totals(cell, weights) == 0] = np.nan
    return values


def _curve(cell: Cell, iou_index: int, weights: Doubles) -> tuple[Doubles, Ints]:
    """At each true positive: the best precision from there on, and how many points of the recall grid it reaches first.

    Only true positives matter: precision cannot rise and recall cannot move between them. (P, R) both.
    """
    kept = np.flatnonzero(~cell.ignored[iou_index])
    hits = np.flatnonzero(cell.matched[iou_index, kept])
    drawn = weights[cell.image[kept]]
    found = drawn[hits].cumsum(axis=0)
    seen = drawn.cumsum(axis=0, out=drawn)[hits]
    precision = found / (seen + np.spacing(1))  # pycocotools' guard against 0 / 0
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = found / np.maximum(_totals(cell, weights), 1)
    reached = np.searchsorted(RECALL_GRID, recall, side="right")
    return envelope, np.diff(reached, axis=0, prepend=0).astype(np.int32)


def _recall(cell: Cell, weights: Doubles, limit: int) -> Doubles:
    """Recall per IoU threshold and weighting, (T, R), of each image's `limit` best detections."""
    within = np.flatnonzero(cell.rank < limit)
    hits = cell.matched[:, within] & ~cell.ignored[:, within]
    found = np.stack([np.bincount(cell.image[within][row], minlength=len(weights)) for row in hits])
    return ratio_or_nan(found @ weights, _totals(cell, weights))


def _totals(cell: Cell, weights: Doubles) -> Doubles:
    return np.asarray(cell.num_truths @ weights, dtype=np.float64)


def _mean_defined(values: Doubles) -> Doubles:
    """Mean over classes and thresholds (C, T, R) → (R,), without what is undefined."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=(0, 1))
    total = np.where(defined, values, 0).sum(axis=(0, 1))
    return ratio_or_nan(total, count)
