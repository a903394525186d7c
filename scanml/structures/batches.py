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
    """One entry: axes are named B batch, H W image, T triggers, M padded truths, P locations, C classes, R bins.

    Where a training takes several steps at once, every array of a batch has one more axis in front: the steps.
    """

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

# In place of "image" where the device makes the pixels (`ops.augment.render`): N pictures per image, of h w at most.
DEVICE_PIXELS = {
    "pictures": Field("B N h w 3", "uint8", "RGB, each at the top left of its room"),
    "spans": Field(
        "B N 2 6",
        "float32",
        "along x and y: image place t shows picture place scale · t + offset, within low…high, for t in first…last",
    ),
    "colors": Field("B 3 4", "float32", "matrix over (red, green, blue, 1) of the image, then cut to 0…255"),
}
