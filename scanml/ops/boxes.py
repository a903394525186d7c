"""Boxes as tensors: xyxy in the last axis, any leading axes, pixels. `keras.ops` only."""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from scanml.structures.arrays import Tensor

_EPSILON = 1e-7  # keeps the ratio of empty boxes finite; far below one squared pixel


def areas(boxes: Tensor) -> Tensor:
    """Areas (...) of boxes (..., 4); an inverted box has area 0."""
    return _area(*ops.unstack(boxes, 4, axis=-1))


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union (..., N, M) of every box in (..., N, 4) with every box in (..., M, 4).

    Below the true value for boxes far under one square pixel: the denominator is never less than 1e-7.
    """
    a = [side[..., :, None] for side in ops.unstack(first, 4, axis=-1)]
    b = [side[..., None, :] for side in ops.unstack(second, 4, axis=-1)]
    overlap = _area(*_inner(a, b))
    return overlap / (_area(*a) + _area(*b) - overlap + _EPSILON)


def generalized_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU (...) in [-1, 1] of boxes (..., 4) one by one (Rezatofighi et al. 2019, eq. 1–3)."""
    a, b = ops.unstack(first, 4, axis=-1), ops.unstack(second, 4, axis=-1)
    overlap = _area(*_inner(a, b))
    union = _area(*a) + _area(*b) - overlap
    hull = _area(ops.minimum(a[0], b[0]), ops.minimum(a[1], b[1]), ops.maximum(a[2], b[2]), ops.maximum(a[3], b[3]))
    return overlap / (union + _EPSILON) - (hull - union) / (hull + _EPSILON)


def _area(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor) -> Tensor:
    return ops.relu(right - left) * ops.relu(bottom - top)


def _inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The sides of what two boxes share; inverted where that is nothing."""
    return ops.maximum(a[0], b[0]), ops.maximum(a[1], b[1]), ops.minimum(a[2], b[2]), ops.minimum(a[3], b[3])


def clip(boxes: Tensor, *, height: Tensor, width: Tensor) -> Tensor:
    """Boxes (..., 4) cut to an image; `height` and `width` broadcast against (...)."""
    width, height = ops.cast(width, boxes.dtype), ops.cast(height, boxes.dtype)
    left, top, right, bottom = ops.unstack(boxes, 4, axis=-1)
    sides = ((left, width), (top, height), (right, width), (bottom, height))
    return ops.stack([ops.clip(side, 0.0, limit) for side, limit in sides], axis=-1)


def nms(
    boxes: Tensor,
    scores: Tensor,
    *,
    max_detections: int,
    max_candidates: int,
    iou_threshold: float,
    vote_iou: float = 1.0,
) -> dict[str, Tensor]:
    """Greedy non-maximum suppression per class, for a whole batch; the suppressed help to place what is kept.

    Args:
        boxes: float (B, P, 4), one box a location.
        scores: float (B, P, C) in [0, 1].
        vote_iou: each kept box becomes the mean of its class's candidates that overlap it by more than this,
            weighted by score and overlap (box voting, Gidaris & Komodakis 2015, sec. 5); 1 leaves it as it is.

    Returns:
        `boxes` (B, D, 4), `scores` (B, D) descending, `labels` int32 (B, D), `num_detections` int32 (B,) with
        D = `max_detections`; what is beyond `num_detections` is zero.

    The result equals the sequential algorithm: keeping those that no kept better one suppresses, repeated until nothing
    changes, has that as its only fixed point (Cluster-NMS, Zheng et al. 2020, sec. IV).
    """
    num_classes = scores.shape[-1]
    flat = ops.reshape(scores, (-1, scores.shape[1] * num_classes))
    count = min(max_candidates, flat.shape[1])
    scores, index = ops.top_k(flat, count)
    labels = ops.cast(index % num_classes, "int32")
    candidates = ops.take_along_axis(boxes, (index // num_classes)[..., None], axis=1)
    same_class = ops.equal(labels[:, :, None], labels[:, None, :])
    better = ops.arange(count)[:, None] < ops.arange(count)[None, :]
    overlap = pairwise_iou(candidates, candidates) * ops.cast(same_class, candidates.dtype)
    suppresses = (overlap > iou_threshold) & better
    placed = _vote(candidates, ops.where(overlap > vote_iou, overlap, 0.0) * scores[:, None, :])
    kept = _fixed_point(ops.cast(suppresses, "float32"), ops.cast(scores > 0, "float32"))
    shown = min(max_detections, count)
    scores, order = ops.top_k(scores * kept, shown)
    found = ops.cast(scores > 0, "float32")
    results = {
        "boxes": ops.take_along_axis(placed, order[..., None], axis=1) * found[..., None],
        "scores": scores,
        "labels": ops.take_along_axis(labels, order, axis=1) * ops.cast(found, "int32"),
    }
    room = max_detections - shown
    padded = {name: ops.pad(v, [[0, 0], [0, room]] + [[0, 0]] * (len(v.shape) - 2)) for name, v in results.items()}
    return padded | {"num_detections": ops.cast(ops.sum(found, axis=1), "int32")}


def _vote(boxes: Tensor, weights: Tensor) -> Tensor:
    """Means (B, N, 4) of `boxes` (B, N, 4) by `weights` (B, N, N); a box that nothing weighs stays where it is."""
    total = ops.sum(weights, axis=-1, keepdims=True)
    return ops.where(total > 0, ops.matmul(weights, boxes) / ops.maximum(total, _EPSILON), boxes)


def _fixed_point(suppresses: Tensor, candidates: Tensor) -> Tensor:
    def update(kept: Tensor) -> Tensor:
        suppressed = ops.einsum("bij,bi->bj", suppresses, kept)
        return candidates * ops.cast(suppressed < 0.5, "float32")

    def changed(kept: Tensor, before: Tensor) -> Tensor:
        return ops.any(ops.not_equal(kept, before))

    kept, _ = ops.while_loop(changed, lambda kept, _: (update(kept), kept), (update(candidates), candidates))
    return kept
