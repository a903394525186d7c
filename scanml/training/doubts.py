"""Why is my mAP zero? What in the data or in the first numbers most often explains it, each in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from scanml.datasets.records import Split
from scanml.models.config import STRIDES
from scanml.structures.arrays import Doubles
from scanml.structures.batches import Task

_MOST = 0.5  # of all boxes: one in two is a mistake in the file, not a few odd labels
_UNTAUGHT = 0.05


def doubts(split: Split, task: Task, *, image_size: tuple[int, int]) -> list[str]:
    """What looks wrong with a training split, for a model that reads `image_size` (height, width)."""
    return list(_about_boxes(split, image_size) if task == "detector" else _about_triggers(split))


def untaught(terms: Mapping[str, float]) -> str | None:
    """What to say where truths are lost between the label file and the loss, by the mean `terms` of some updates."""
    truths, lost = terms.get("truths", 0.0), terms.get("truths_without_location", 0.0)
    if not truths or lost / truths <= _UNTAUGHT:
        return None
    return (
        f"no location learns from {lost / truths:.0%} of the truths: their boxes contain no location's center, or "
        "larger ones take it. Raise the model's image_size, or the lower end of augment.scale."
    )


def _about_boxes(split: Split, image_size: tuple[int, int]) -> Iterator[str]:
    counts = Counter(label for r in split.records for label, crowd in zip(r.labels, r.crowd, strict=True) if not crowd)
    boxes, sizes = _boxes(split)
    if not len(boxes):
        yield "no picture of the training split has a box: there is nothing to learn."
        return
    for index, name in enumerate(split.labels.class_names):
        if not counts[index]:
            hint = "; a detector needs no class for the background" if name.lower() == "background" else ""
            yield f"the class {name!r} has no box in the training split: look at the label map{hint}."
    sides, far = boxes[:, 2:] - boxes[:, :2], np.isclose(boxes[:, 2:], sizes[:, ::-1], atol=1.0)
    scale = np.minimum(image_size[0] / sizes[:, 0], image_size[1] / sizes[:, 1])
    small = float(np.median(np.sqrt(sides.prod(axis=1)) * scale))
    if small < STRIDES[0]:
        yield (
            f"half of the boxes are smaller than {small:.1f} px at the model's input, its finest step is {STRIDES[0]} "
            "px: raise the model's image_size, or cut the pictures into tiles."
        )
    if far.any(axis=1).mean() > _MOST:
        yield (
            f"{far.any(axis=1).mean():.0%} of the boxes end at the right or lower edge of their picture: they look "
            "like corners (x1, y1, x2, y2), COCO has (x, y, width, height)."
        )
    if (sides.prod(axis=1) > 0.9 * sizes.prod(axis=1)).mean() > _MOST:
        yield "half of the boxes cover their whole picture: that is a task for triggers, or a wrong box format."


def _boxes(split: Split) -> tuple[Doubles, Doubles]:
    """All boxes xyxy (N, 4) and the sizes (height, width) of their pictures (N, 2)."""
    boxes = [np.asarray(record.xyxy, np.float64).reshape(-1, 4) for record in split.records]
    sizes = [np.tile(np.asarray(r.size, np.float64), (len(b), 1)) for r, b in zip(split.records, boxes, strict=True)]
    return np.concatenate(boxes), np.concatenate(sizes)


def _about_triggers(split: Split) -> Iterator[str]:
    arrays = [split.trigger_arrays(index) for index in range(len(split))]
    present = np.sum([present for present, _ in arrays], axis=0)
    absent = np.sum([known & ~present for present, known in arrays], axis=0)
    for name, yes, no in zip(split.labels.trigger_names, present, absent, strict=True):
        if not yes:
            yield f"the trigger {name!r} is present in no training picture: it cannot be learned."
        if not no:
            yield (
                f"the trigger {name!r} is known to be absent from no training picture: the model will always say yes. "
                "List it under `absent`, or set data.unlisted=absent."
            )
