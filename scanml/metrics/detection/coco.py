"""COCO's box AP and AR: pycocotools matches once, `accumulate` counts, so that resampling costs no new matching."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scanml.errors import DataError
from scanml.metrics.bootstrap import resample_weights, with_intervals
from scanml.metrics.detection.accumulate import (
    AREA_LIMITS_PX2,
    AREAS,
    IOU_THRESHOLDS,
    MAX_DETECTIONS,
    RECALL_GRID,
    Accumulated,
    Cell,
    accumulate,
    precision_on_grid,
)
from scanml.metrics.detection.truth import ImageTruth, check_images
from scanml.structures import Boxes, Detections, Metric
from scanml.structures.arrays import Doubles


@dataclass(frozen=True, eq=False)
class Matches:
    """Which detections found an object, per class and area range: everything COCO's numbers need, matched once."""

    cells: tuple[tuple[Cell, ...], ...]
    num_images: int

    def accumulate(self, weights: npt.NDArray[np.integer]) -> Accumulated:
        """AP and AR for every row of `weights` (R, I), how often each image counts (`bootstrap.resample_weights`).

        Raises:
            DataError: another number of images, or a negative weight.
        """
        if weights.ndim != 2 or weights.shape[1] != self.num_images or (weights < 0).any():
            raise DataError(
                f"weights must be (resamples, {self.num_images}) and not negative, received {weights.shape}; "
                "one number per image says how often it counts."
            )
        return accumulate(self.cells, weights)

    def summarize(self, weights: npt.NDArray[np.integer] | None = None) -> dict[str, float]:
        """COCO's twelve numbers, AP … ARlarge, with image i counted `weights[i]` times; NaN where undefined."""
        return {name: float(value[0]) for name, value in self.accumulate(self._row(weights)).summary().items()}

    def per_class(self, weights: npt.NDArray[np.integer] | None = None) -> dict[str, Doubles]:
        """AP and AP50 of each class, (C,); NaN for a class without objects."""
        return {name: values[:, 0] for name, values in self.accumulate(self._row(weights)).per_class().items()}

    def precision_recall(self, iou: float = 0.5) -> tuple[Doubles, Doubles]:
        """Interpolated precision of each class (C, 101), and the recall (101,) at which it holds.

        Raises:
            DataError: `iou` is none of COCO's ten thresholds .50, .55, … .95.
        """
        index = int(np.abs(IOU_THRESHOLDS - iou).argmin())
        if not np.isclose(IOU_THRESHOLDS[index], iou):
            raise DataError(
                f"precision_recall: expected an IoU among {IOU_THRESHOLDS.round(2).tolist()}, received {iou}."
            )
        curves = [precision_on_grid(areas[0], index) for areas in self.cells]
        return np.reshape(curves, (len(self.cells), len(RECALL_GRID))), RECALL_GRID.copy()

    def _row(self, weights: npt.NDArray[np.integer] | None) -> npt.NDArray[np.integer]:
        return np.ones((1, self.num_images), np.int32) if weights is None else np.asarray(weights)[None]


def match(truths: Sequence[ImageTruth], detections: Sequence[Detections], *, num_classes: int) -> Matches:
    """Match every image's detections to its objects as COCO does, with pycocotools.

    At most 100 detections per image and class count; crowds take any number of detections and score none.

    Raises:
        DataError: lists of other lengths, other image sizes, or labels outside 0…num_classes - 1.
    """
    check_images(truths, detections, num_classes=num_classes)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress there
        judge = COCOeval(_truth_set(truths, num_classes), _detection_set(detections, num_classes), "bbox")
        judge.params.iouThrs, judge.params.recThrs = IOU_THRESHOLDS, RECALL_GRID
        judge.params.areaRng, judge.params.areaRngLbl = [list(limits) for limits in AREA_LIMITS_PX2], list(AREAS)
        judge.params.maxDets = list(MAX_DETECTIONS)
        judge.evaluate()
    images = iter(judge.evalImgs)  # class by class, area by area, image by image
    num_images = len(truths)
    cells = tuple(tuple(_cell([next(images) for _ in range(num_images)]) for _ in AREAS) for _ in range(num_classes))
    return Matches(cells, num_images)


def detection_values(
    matches: Matches, class_names: Sequence[str], *, weights: npt.NDArray[np.integer]
) -> dict[str, Doubles]:
    """COCO's twelve numbers and "AP/<class>", "AP50/<class>", each (R,), for every row of `weights` (R, I).

    Raises:
        DataError: not one name per class, or not one weight per image.
    """
    if len(class_names) != len(matches.cells):
        raise DataError(f"expected {len(matches.cells)} class names, received {len(class_names)}.")
    numbers = matches.accumulate(weights)
    per_class = {
        f"{kind}/{name}": row
        for kind, rows in numbers.per_class().items()
        for name, row in zip(class_names, rows, strict=True)
    }
    return numbers.summary() | per_class


def detection_metrics(
    matches: Matches, class_names: Sequence[str], *, num_resamples: int = 1000, seed: int = 0
) -> dict[str, Metric]:
    """`detection_values` of all images, each with its 95 % interval over images."""
    once = np.ones((1, matches.num_images), np.int32)
    drawn = resample_weights(matches.num_images, num_resamples=num_resamples, seed=seed)
    values = {name: float(row[0]) for name, row in detection_values(matches, class_names, weights=once).items()}
    samples = detection_values(matches, class_names, weights=drawn)
    return with_intervals(values, samples, num_units=dict.fromkeys(values, matches.num_images))


def _truth_set(truths: Sequence[ImageTruth], num_classes: int) -> COCO:
    annotations = [
        {"image_id": image, "category_id": int(label), "bbox": box, "area": float(area), "iscrowd": int(crowd)}
        for image, truth in enumerate(truths, start=1)
        for label, box, area, crowd in zip(
            truth.labels, _to_xywh(truth.boxes), truth.sizes_px2(), truth.crowd, strict=True
        )
    ]
    return _coco(annotations, num_images=len(truths), num_classes=num_classes)


def _detection_set(detections: Sequence[Detections], num_classes: int) -> COCO:
    annotations = [
        {"image_id": image, "category_id": int(label), "bbox": box, "area": box[2] * box[3], "score": float(score)}
        for image, found in enumerate(detections, start=1)
        for label, box, score in zip(found.labels, _to_xywh(found.boxes), found.scores, strict=True)
    ]
    return _coco(annotations, num_images=len(detections), num_classes=num_classes)


def _coco(annotations: list[dict[str, Any]], *, num_images: int, num_classes: int) -> COCO:
    data = COCO()
    data.dataset = {
        "images": [{"id": image} for image in range(1, num_images + 1)],
        "categories": [{"id": label} for label in range(num_classes)],
        # Ids from 1: pycocotools takes a match with object 0 for none.
        "annotations": [{"id": number, **annotation} for number, annotation in enumerate(annotations, start=1)],
    }
    data.createIndex()
    return data


def _to_xywh(boxes: Boxes) -> list[list[float]]:
    corners = boxes.xyxy.astype(np.float64)  # so that x + width is x1 again, to the bit
    sides = corners[:, 2:] - corners[:, :2]
    rows: list[list[float]] = np.concatenate([corners[:, :2], sides], axis=1).tolist()
    return rows


def _cell(images: Sequence[dict[str, Any] | None]) -> Cell:
    """One class and area: the detections of all images, best first. `None`: neither objects nor detections there."""
    seen = [(index, image) for index, image in enumerate(images) if image is not None]
    counts = [len(image["dtScores"]) for _, image in seen]
    scores = np.concatenate([np.zeros(0), *(image["dtScores"] for _, image in seen)])
    order = np.argsort(-scores, kind="stable")  # ties stay in image order, as in pycocotools
    matched = np.concatenate([_flags(), *(image["dtMatches"] > 0 for _, image in seen)], axis=1)
    ignored = np.concatenate([_flags(), *(image["dtIgnore"] for _, image in seen)], axis=1)
    num_truths = np.zeros(len(images), np.int32)
    for index, image in seen:
        num_truths[index] = np.count_nonzero(image["gtIgnore"] == 0)
    return Cell(
        image=np.repeat([index for index, _ in seen], counts).astype(np.int32)[order],
        rank=np.concatenate([np.zeros(0), *(np.arange(count) for count in counts)]).astype(np.int32)[order],
        matched=matched[:, order],
        ignored=ignored[:, order].astype(np.bool_),
        num_truths=num_truths,
    )


def _flags() -> npt.NDArray[np.bool_]:
    return np.zeros((len(IOU_THRESHOLDS), 0), np.bool_)
