"""Task-aligned assignment for one image, truth by truth and location by location."""

from __future__ import annotations

import numpy as np

from scanml.metrics import pairwise_iou


def assign_slowly(scores, boxes, truth, centers, num_positives):
    """`positive`, `boxes`, `class_targets`, `ignored` of every location, `taught` of every truth."""
    num_locations, num_classes = scores.shape
    overlap = pairwise_iou(truth["boxes"], boxes)
    wanted = {}  # location -> [(IoU, truth)]
    aligned = np.zeros(overlap.shape)
    for m, label in enumerate(truth["labels"]):
        if label < 0 or truth["crowd"][m]:
            continue
        inside = [p for p in range(num_locations) if contains(truth["boxes"][m], centers[p])]
        for p in inside:
            aligned[m, p] = np.sqrt(scores[p, label]) * overlap[m, p] ** 6
        for p in sorted(inside, key=lambda p, m=m: -aligned[m, p])[:num_positives]:
            wanted.setdefault(p, []).append((overlap[m, p], -m))
    winner = {p: -max(claims)[1] for p, claims in wanted.items()}
    result = {
        "positive": np.zeros(num_locations),
        "boxes": np.zeros((num_locations, 4)),
        "class_targets": np.zeros((num_locations, num_classes)),
        "ignored": np.zeros(num_locations),
        "taught": np.zeros(len(truth["labels"])),
    }
    for p, m in winner.items():
        own = [q for q, other in winner.items() if other == m]
        best_aligned, best_overlap = max(aligned[m, q] for q in own), max(overlap[m, q] for q in own)
        result["positive"][p], result["taught"][m] = 1, 1
        result["boxes"][p] = truth["boxes"][m]
        result["class_targets"][p, truth["labels"][m]] = aligned[m, p] / best_aligned * best_overlap
    for p in range(num_locations):
        in_crowd = any(c and contains(b, centers[p]) for b, c in zip(truth["boxes"], truth["crowd"], strict=True))
        result["ignored"][p] = in_crowd and p not in winner
    return result


def contains(box, center):
    return box[0] < center[0] < box[2] and box[1] < center[1] < box[3]
