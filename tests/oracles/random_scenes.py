"""Random truths and detections that meet every rule of COCO's matching: ties, crowds, empty images, many detections."""

import numpy as np

from scanml.metrics import ImageTruth
from scanml.structures import Boxes, Detections

SIZE = (480, 640)


def random_scene(rng, *, num_classes=3, num_images=12, ties=False, most_detections=12):
    """(truths, detections). `ties`: scores on a coarse grid; otherwise all scores of the set are distinct."""
    names = tuple(f"class {label}" for label in range(num_classes))
    truths = [_random_truth(rng, num_classes) for _ in range(num_images)]
    counts = [int(rng.integers(0, most_detections + 1)) for _ in truths]
    pool = rng.permutation(sum(counts) + 1)[: sum(counts)] / (sum(counts) + 1)
    if ties:
        pool = np.round(pool * 8) / 8
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    detections = [
        _random_detections(rng, truth, pool[start:stop], names)
        for truth, start, stop in zip(truths, starts[:-1], starts[1:], strict=True)
    ]
    return truths, detections


def perfect_detections(truths, *, num_classes):
    """Every object found exactly, with score 1."""
    names = tuple(f"class {label}" for label in range(num_classes))
    return [Detections(t.boxes, np.ones(len(t)), t.labels, names) for t in truths]


def _random_truth(rng, num_classes):
    count = int(rng.integers(0, 6))
    labels = rng.integers(0, max(1, num_classes - 1), count)  # the last class never occurs
    crowd = rng.random(count) < 0.15
    areas = None if rng.random() < 0.5 else rng.choice([100.0, 1024.0, 5000.0, 9216.0, 20000.0], count)
    return ImageTruth(Boxes(_boxes(rng, count), SIZE), labels, crowd, areas)


def _random_detections(rng, truth, scores, names):
    count = len(scores)
    boxes = _boxes(rng, count)
    labels = rng.integers(0, len(names), count)
    for row in range(count if len(truth) else 0):
        if rng.random() < 0.7:  # near an object, mostly with its label
            target = int(rng.integers(0, len(truth)))
            shift = rng.normal(0, 6, 4) * rng.choice([0, 0.3, 1])
            corners = truth.boxes.xyxy[target] + shift
            boxes[row] = [*np.minimum(corners[:2], corners[2:]), *np.maximum(corners[:2], corners[2:])]
            labels[row] = truth.labels[target] if rng.random() < 0.9 else labels[row]
    return Detections(Boxes(boxes, SIZE), np.sort(scores)[::-1], labels, names)


def _boxes(rng, count):
    sides = rng.choice([12.0, 32.0, 60.0, 96.0, 200.0], (count, 2))
    corner = rng.integers(0, 250, (count, 2))
    return np.concatenate([corner, corner + sides], axis=1)
