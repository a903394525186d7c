"""What is truly in an image, as detection is measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanml.errors import DataError
from scanml.structures import Boxes, Detections
from scanml.structures.arrays import Bools, Doubles, Ints, locked


@dataclass(frozen=True, eq=False)
class ImageTruth:
    """The objects of one image: `labels` int32 (N,), `crowd` bool (N,) for regions COCO does not score.

    `areas` float64 (N,) in square pixels sort objects into small, medium and large; COCO's are those of the masks.
    `None`: the boxes' own.
    """

    boxes: Boxes
    labels: Ints
    crowd: Bools
    areas: Doubles | None = None

    def __post_init__(self) -> None:
        shape = (len(self.boxes),)
        object.__setattr__(self, "labels", locked(self.labels, "int32", shape, name="ImageTruth.labels", least=0))
        object.__setattr__(self, "crowd", locked(self.crowd, "bool", shape, name="ImageTruth.crowd"))
        if self.areas is not None:
            object.__setattr__(self, "areas", locked(self.areas, "float64", shape, name="ImageTruth.areas", least=0))

    def sizes_px2(self) -> Doubles:
        """The areas that decide small, medium or large, float64 (N,)."""
        if self.areas is not None:
            return self.areas
        corners = self.boxes.xyxy.astype(np.float64)
        return np.asarray((corners[:, 2:] - corners[:, :2]).prod(axis=1), dtype=np.float64)

    def __len__(self) -> int:
        return len(self.boxes)


def check_images(truths: Sequence[ImageTruth], detections: Sequence[Detections], *, num_classes: int) -> None:
    """Refuse lists that do not belong together.

    Raises:
        DataError: other lengths, other image sizes, or a label outside 0…num_classes - 1.
    """
    if len(truths) != len(detections):
        raise DataError(f"expected one Detections per image, received {len(detections)} for {len(truths)} images.")
    for index, (truth, found) in enumerate(zip(truths, detections, strict=True)):
        if truth.boxes.image_size != found.boxes.image_size:
            raise DataError(
                f"image {index}: the truth is for (height, width) {truth.boxes.image_size}, the detections for "
                f"{found.boxes.image_size}; bring both to pixels of the same image."
            )
        _check_labels(truth.labels, num_classes, f"image {index}: truth")
        _check_labels(found.labels, num_classes, f"image {index}: detections")


def _check_labels(labels: Ints, num_classes: int, where: str) -> None:
    if len(labels) and (labels.min() < 0 or labels.max() >= num_classes):
        raise DataError(
            f"{where}: labels must lie in 0…{num_classes - 1}, received {labels.min()}…{labels.max()}; "
            "map category ids to class indices first."
        )
