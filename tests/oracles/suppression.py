"""Greedy non-maximum suppression as everybody first writes it: one image, one box after the other, class by class."""

from __future__ import annotations

import numpy as np

from scanml.metrics import pairwise_iou


def greedy_nms(boxes, scores, *, max_detections, max_candidates, iou_threshold, vote_iou=1.0):
    """(box, score, label) of what is kept, best first; of equal scores the one first in (location, class).

    Below 1, `vote_iou` has each kept box replaced by the mean of those of its class beyond that overlap.
    """
    num_classes = scores.shape[1]
    entries = [(-scores[p, c], p * num_classes + c) for p in range(len(boxes)) for c in range(num_classes)]
    entries, kept = sorted(entries)[:max_candidates], []
    for negative, index in entries:
        location, label = divmod(index, num_classes)
        rivals = [box for box, _, other in kept if other == label]
        if -negative > 0 and not any(_iou(boxes[location], rival) > iou_threshold for rival in rivals):
            kept.append((boxes[location], -negative, label))
    if vote_iou < 1:
        voters = [(boxes[index // num_classes], -negative, index % num_classes) for negative, index in entries]
        kept = [(_mean(box, [v for v in voters if v[2] == label], vote_iou), s, label) for box, s, label in kept]
    return kept[:max_detections]


def _mean(box, voters, vote_iou):
    near = [(other, _iou(box, other), score) for other, score, _ in voters if _iou(box, other) > vote_iou]
    total = sum(overlap * score for _, overlap, score in near)
    return sum(np.float64(other) * overlap * score for other, overlap, score in near) / total


def _iou(a, b):
    return float(pairwise_iou(np.asarray(a)[None], np.asarray(b)[None])[0, 0])
