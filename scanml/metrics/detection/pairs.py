"""Which detection stands for which object, one to one at a fixed IoU and score: for looking, not for COCO's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanml.metrics.bootstrap import resample_weights, with_intervals
from scanml.metrics.detection.truth import ImageTruth, check_images
from scanml.metrics.iou import pairwise_iou
from scanml.metrics.ratio import ratio_or_nan
from scanml.structures import Detections, Metric
from scanml.structures.arrays import Doubles, Ints, locked

SPURIOUS, IN_CROWD = -1, -2  # partners that are no object

# PASCAL VOC's overlap (Everingham et al. 2010), and Ultralytics' default confidence for confusion and for drawing.
IOU, SCORE = 0.5, 0.25


@dataclass(frozen=True, eq=False)
class Pairing:
    """Of each detection above the score, best first (K,): its object's index, or `SPURIOUS`, or `IN_CROWD`; its IoU."""

    partner: Ints
    iou: Doubles

    def __post_init__(self) -> None:
        object.__setattr__(self, "partner", locked(self.partner, "int32", (None,), name="Pairing.partner"))
        object.__setattr__(self, "iou", locked(self.iou, "float64", (len(self.partner),), name="Pairing.iou"))


def pair_up(
    truth: ImageTruth, detections: Detections, *, iou: float = IOU, score: float = SCORE, same_class: bool = True
) -> Pairing:
    """Greedily, best score first: each detection takes the free object that it overlaps most, if by at least `iou`.

    A detection that finds none but lies in a crowd is excused. `same_class=False` lets any classes meet.
    """
    found = detections.above(score)
    overlap = pairwise_iou(found.boxes.xyxy, truth.boxes.xyxy, crowd=truth.crowd)
    if same_class:
        overlap = np.where(found.labels[:, None] == truth.labels[None, :], overlap, 0.0)
    partner = np.full(len(found), SPURIOUS)
    partner[(overlap[:, truth.crowd] >= iou).any(axis=1)] = IN_CROWD
    best_iou = np.zeros(len(found))
    free = ~truth.crowd
    for row in range(len(found) if len(truth) else 0):
        best = int(np.where(free, overlap[row], -1.0).argmax())
        if free[best] and overlap[row, best] >= iou:
            partner[row], best_iou[row], free[best] = best, overlap[row, best], False
    return Pairing(partner, best_iou)


def confusion(
    truths: Sequence[ImageTruth],
    detections: Sequence[Detections],
    *,
    num_classes: int,
    iou: float = IOU,
    score: float = SCORE,
) -> Ints:
    """Counts (C + 1, C + 1): rows are the truth, columns the detected class, the last of each is background.

    Boxes meet whatever their classes: the last column counts missed objects, the last row detections of nothing.
    """
    check_images(truths, detections, num_classes=num_classes)
    table = np.zeros((num_classes + 1, num_classes + 1), np.int32)
    for truth, found in zip(truths, detections, strict=True):
        partner = pair_up(truth, found, iou=iou, score=score, same_class=False).partner
        labels = found.above(score).labels
        met = partner >= 0
        missed = np.setdiff1d(np.flatnonzero(~truth.crowd), partner[met])
        np.add.at(table, (truth.labels[partner[met]], labels[met]), 1)
        np.add.at(table, (np.int32(num_classes), labels[partner == SPURIOUS]), 1)
        np.add.at(table, (truth.labels[missed], np.int32(num_classes)), 1)
    return table


def image_f1(
    truths: Sequence[ImageTruth], detections: Sequence[Detections], *, iou: float = IOU, score: float = SCORE
) -> Doubles:
    """F1 of each image (I,) in [0, 1], to find the best and the worst; 1 where nothing was to be found or was found."""
    values = np.ones(len(truths))
    for index, (truth, found) in enumerate(zip(truths, detections, strict=True)):
        partner = pair_up(truth, found, iou=iou, score=score).partner
        claims = np.count_nonzero(partner != IN_CROWD) + np.count_nonzero(~truth.crowd)
        if claims:
            values[index] = 2 * np.count_nonzero(partner >= 0) / claims
    return values


def matched_iou_values(
    truths: Sequence[ImageTruth],
    detections: Sequence[Detections],
    *,
    weights: npt.NDArray[np.integer],
    iou: float = IOU,
    score: float = SCORE,
) -> Doubles:
    """The mean overlap of detections with the objects of their class that they found, (R,) for `weights` (R, I)."""
    pairings = [pair_up(truth, found, iou=iou, score=score) for truth, found in zip(truths, detections, strict=True)]
    totals = np.array([pairing.iou.sum() for pairing in pairings])
    counts = np.array([np.count_nonzero(pairing.partner >= 0) for pairing in pairings], dtype=np.float64)
    return ratio_or_nan(weights @ totals, weights @ counts)


def mean_matched_iou(
    truths: Sequence[ImageTruth],
    detections: Sequence[Detections],
    *,
    iou: float = IOU,
    score: float = SCORE,
    num_resamples: int = 1000,
    seed: int = 0,
) -> Metric:
    """ "IoU": `matched_iou_values` of all images, and its 95 % interval."""
    count = len(truths)
    drawn = resample_weights(count, num_resamples=num_resamples, seed=seed)
    weights = np.concatenate([np.ones((1, count), np.int32), drawn])
    values = matched_iou_values(truths, detections, weights=weights, iou=iou, score=score)
    return with_intervals({"IoU": float(values[0])}, {"IoU": values[1:]}, num_units={"IoU": count})["IoU"]
