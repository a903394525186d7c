"""COCO's numbers by pycocotools from end to end: `loadRes`, `evaluate`, `accumulate`, `summarize`."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = [
    "AP",
    "AP50",
    "AP75",
    "APsmall",
    "APmedium",
    "APlarge",
    "AR1",
    "AR10",
    "AR100",
    "ARsmall",
    "ARmedium",
    "ARlarge",
]


def coco_evaluation(truths, detections, *, num_classes):
    """(the twelve numbers with NaN for -1, precision (T, 101, C, 4, 3) with NaN for -1)."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i + 1} for i in range(len(truths))],
            "categories": [{"id": c} for c in range(num_classes)],
            "annotations": _annotations(truths),
        }
        truth.createIndex()
        found = truth.loadRes(_results(detections))
        judge = COCOeval(truth, found, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    stats = {name: np.nan if value == -1 else value for name, value in zip(NAMES, judge.stats, strict=True)}
    precision = judge.eval["precision"]
    return stats, np.where(precision == -1, np.nan, precision)


def _annotations(truths):
    rows = []
    for i, truth in enumerate(truths):
        for j in range(len(truth.labels)):
            x0, y0, x1, y1 = (float(value) for value in truth.boxes.xyxy[j])
            area = (x1 - x0) * (y1 - y0) if truth.areas is None else float(truth.areas[j])
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": i + 1,
                    "category_id": int(truth.labels[j]),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": area,
                    "iscrowd": int(truth.crowd[j]),
                }
            )
    return rows


def _results(detections):
    rows = []
    for i, found in enumerate(detections):
        for j in range(len(found.scores)):
            x0, y0, x1, y1 = (float(value) for value in found.boxes.xyxy[j])
            rows.append(
                {
                    "image_id": i + 1,
                    "category_id": int(found.labels[j]),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "score": float(found.scores[j]),
                }
            )
    return rows
