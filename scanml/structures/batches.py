"""Key, shape and dtype of every batch and of every model's output: the only two loose dicts that cross packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from scanml.structures.arrays import Tensor

Task = Literal["detector", "classifier"]
TASKS: tuple[Task, ...] = get_args(Task)
Batch = dict[str, Tensor]
Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class Field:
    """One entry: axes are named B batch, H W image, T triggers, M padded truths, P locations, C classes, R bins."""

    axes: str
    dtype: str
    meaning: str


CLASSIFIER_BATCH = {
    "image": Field("B H W 3", "uint8", "letterboxed RGB"),
    "present": Field("B T", "float32", "1 where the trigger is there"),
    "known": Field("B T", "bool", "False where nobody looked: no loss"),
}
CLASSIFIER_OUTPUT = {"trigger_logits": Field("B T", "float32", "divided by the fitted temperature at inference")}

DETECTOR_BATCH = {
    "image": Field("B H W 3", "uint8", "letterboxed RGB"),
    "boxes": Field("B M 4", "float32", "xyxy in pixels of the letterboxed image"),
    "labels": Field("B M", "int32", "class index, -1 pads"),
    "crowd": Field("B M", "bool", "regions without loss"),
}
DETECTOR_OUTPUT = {
    "class_logits": Field("B P C", "float32", "one sigmoid per class"),
    "box_logits": Field("B P 4 R", "float32", "distribution over the distance to left, top, right, bottom, in strides"),
}
