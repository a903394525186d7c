"""Padded truth → what every location of the detector should say, on the device (TOOD, Feng et al. 2021, sec. 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from scanml.ops.boxes import pairwise_iou
from scanml.structures.arrays import Floats, Tensor

_EPSILON = 1e-20  # far below any alignment: an IoU of 0.01 to the sixth is 1e-12, and a poor start must still teach


def locations(image_size: tuple[int, int], strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Centers xy (P, 2) in pixels and strides (P,) of all cells of all levels, row by row, finest level first."""
    centers, cells = [], []
    for stride in strides:
        rows, columns = -(-image_size[0] // stride), -(-image_size[1] // stride)
        y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        centers.append((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride)
        cells.append(np.full(rows * columns, stride))
    return np.concatenate(centers).astype(np.float32), np.concatenate(cells).astype(np.float32)


def decode_boxes(box_logits: Tensor, centers: Tensor, strides: Tensor) -> Tensor:
    """Boxes xyxy (B, P, 4) from distributions over distances (B, P, 4, R): the mean in strides, left top right bottom
    of the location (Generalized Focal Loss, Li et al. 2020, eq. 4–5)."""
    bins = ops.arange(box_logits.shape[-1], dtype="float32")
    distances = ops.matmul(ops.softmax(ops.cast(box_logits, "float32")), bins) * strides[:, None]
    low, high = ops.split(distances, 2, axis=-1)
    return ops.concatenate([centers - low, centers + high], axis=-1)


def assign(
    scores: Tensor, boxes: Tensor, truth: dict[str, Tensor], centers: Tensor, *, num_positives: int = 10
) -> dict[str, Tensor]:
    """Task-aligned assignment: each truth teaches the `num_positives` locations inside it that align best.

    Args:
        scores: class probabilities (B, P, C). boxes: predicted xyxy (B, P, 4) px.
        truth: `boxes` (B, M, 4) xyxy px, `labels` int32 (B, M) with -1 where padded, `crowd` bool (B, M).
        centers: (P, 2) px.

    Returns:
        `positive` (B, P) 0 or 1, `boxes` (B, P, 4), `class_targets` (B, P, C) in [0, 1]: the aligned IoU of the label's
        class, `ignored` (B, P) 1 where a location without a truth lies in a crowd region, `taught` (B, M) 1 for truths
        that some location learns from.

    Alignment is score^0.5 · IoU^6 (the paper's t = s^α u^β with the α : β that YOLOv8 and RTMDet kept). A location that
    several truths want goes to the one with the largest IoU. Constant with respect to gradients. `num_positives`
    is YOLOv8's 10, the paper takes 13: a choice, not measured.
    """
    labels = truth["labels"]
    real = (labels >= 0) & ops.logical_not(truth["crowd"])
    overlap = pairwise_iou(truth["boxes"], boxes)  # (B, M, P)
    inside = _contains(truth["boxes"], centers)
    candidate = ops.cast(inside & real[..., None], "float32")
    hot = ops.one_hot(ops.maximum(labels, 0), scores.shape[-1], dtype="float32")
    of_class = ops.einsum("bmc,bpc->bmp", hot, ops.cast(scores, "float32"))
    alignment = candidate * ops.sqrt(of_class) * ops.square(overlap * overlap * overlap)
    chosen = candidate * _best(alignment + candidate * _EPSILON, num_positives)
    chosen = chosen * _largest(overlap * chosen)
    positive = ops.max(chosen, axis=1)
    aligned = alignment * chosen
    strongest = ops.max(aligned, axis=2, keepdims=True)
    best_overlap = ops.max(overlap * chosen, axis=2, keepdims=True)
    quality = ops.max(aligned / ops.maximum(strongest, _EPSILON) * best_overlap, axis=1)  # (B, P)
    in_crowd = ops.any(_contains(truth["boxes"], centers) & truth["crowd"][..., None], axis=1)
    targets = {
        "positive": positive,
        "boxes": ops.einsum("bmp,bmk->bpk", chosen, truth["boxes"]),
        "class_targets": ops.einsum("bmp,bmc->bpc", chosen, hot) * quality[..., None],
        "ignored": ops.cast(in_crowd, "float32") * (1.0 - positive),
        "taught": ops.max(chosen, axis=2),
    }
    return {name: ops.stop_gradient(value) for name, value in targets.items()}


def _contains(boxes: Tensor, centers: Tensor) -> Tensor:
    """Whether each center (P, 2) lies strictly inside each box (B, M, 4): bool (B, M, P)."""
    x, y = centers[:, 0], centers[:, 1]
    left, top, right, bottom = (side[..., None] for side in ops.unstack(boxes, 4, axis=-1))
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def _best(alignment: Tensor, count: int) -> Tensor:
    """1 for the `count` largest values along the last axis, ties included."""
    count = min(count, alignment.shape[-1])
    smallest = ops.top_k(alignment, count)[0][..., -1:]
    return ops.cast(alignment >= ops.maximum(smallest, _EPSILON / 2), "float32")


def _largest(overlap: Tensor) -> Tensor:
    """1 at the first largest value along axis 1 (the truths), 0 elsewhere."""
    return ops.one_hot(ops.argmax(overlap, axis=1), overlap.shape[1] or ops.shape(overlap)[1], axis=1, dtype="float32")
