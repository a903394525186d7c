"""Losses of a dense detector: how good a class score should be, where the box ends, how sure it is of that."""

from __future__ import annotations

from keras import ops

from scanml.ops.boxes import generalized_iou
from scanml.structures.arrays import Tensor


def quality_focal_loss(logits: Tensor, targets: Tensor, *, beta: float = 2.0) -> Tensor:
    """Quality focal loss element by element (Generalized Focal Loss, Li et al. 2020, eq. 2).

    Args:
        logits: any shape. targets: same shape, in [0, 1]: the IoU the score should predict, 0 for background.
    """
    logits, targets = ops.cast(logits, "float32"), ops.cast(targets, "float32")
    cross_entropy = ops.relu(logits) - logits * targets + ops.softplus(-ops.absolute(logits))
    return ops.power(ops.absolute(targets - ops.sigmoid(logits)), beta) * cross_entropy


def distribution_focal_loss(logits: Tensor, distances: Tensor) -> Tensor:
    """Distribution focal loss, mean over the four sides (Li et al. 2020, eq. 6): cross-entropy of the two nearest bins.

    Args:
        logits: (..., 4, R). distances: (..., 4) in bins; clipped to 0…R - 1.
    """
    num_bins = logits.shape[-1]
    distances = ops.clip(distances, 0.0, num_bins - 1.0)
    bins = ops.arange(num_bins, dtype="float32")
    weights = ops.relu(1.0 - ops.absolute(distances[..., None] - bins))  # linear between neighbours, 0 elsewhere; sum 1
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.logsumexp(logits, axis=-1) - ops.sum(weights * logits, axis=-1), axis=-1)


def generalized_iou_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """1 - GIoU of boxes (..., 4) xyxy, in [0, 2] (Rezatofighi et al. 2019, sec. 3)."""
    return 1.0 - generalized_iou(predicted, true)
