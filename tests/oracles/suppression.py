"""Greedy non-maximum suppression as everybody first writes it: one image, one box after the other, class by class."""

from __future__ import annotations

import numpy as np

from scanml.metrics import pairwise_iou


def greedy_nms(boxes, scores, *, max_detections, max_candidates, iou_threshold):
    """(box, score, label) of what is kept, best first; of equal scores the one first in (location, class)."""
    num_classes = scores.shape[1]
    entries = [(-scores[p, c], p * num_classes + c) for p in range(len(boxes)) for c in range(num_classes)]
    kept = []
    for negative, index in sorted(entries)[:max_candidates]:
        location, label = divmod(index, num_classes)
        rivals = [box for box, _, other in kept if other == label]
        if -negative > 0 and not any(_iou(boxes[location], rival) > iou_threshold for rival in rivals):
            kept.append((boxes[location], -negative, label))
    return kept[:max_detections]


def _iou(a, b):
    return float(pairwise_iou(np.asarray(a)[None], np.asarray(b)[None])[0, 0])
