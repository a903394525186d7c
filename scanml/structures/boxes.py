"""Axis-aligned boxes of one image. Inside scanml a box is `xyxy` in pixels; other formats enter and leave here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError
from scanml.structures.arrays import Floats, locked


@dataclass(frozen=True, eq=False)
class Boxes:
    """`xyxy` float32 (N, 4): left, top, right, bottom in pixels of an image of size (height, width).

    >>> Boxes([[0, 0, 2, 4]], image_size=(10, 10)).to_xywh()
    array([[0., 0., 2., 4.]], dtype=float32)
    """

    xyxy: Floats
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        xyxy = locked(self.xyxy, "float32", (None, 4), name="Boxes.xyxy")
        backwards = (xyxy[:, 2:] < xyxy[:, :2]).any(axis=1)
        if backwards.any():
            row = int(np.flatnonzero(backwards)[0])
            raise DataError(
                f"Boxes.xyxy needs left <= right and top <= bottom, received {xyxy[row].tolist()} in row {row}; "
                "for x, y, width, height use Boxes.from_xywh."
            )
        height, width = locked(self.image_size, "int64", (2,), name="Boxes.image_size", least=0).tolist()
        object.__setattr__(self, "xyxy", xyxy)
        object.__setattr__(self, "image_size", (height, width))

    @classmethod
    def from_xywh(cls, xywh: npt.ArrayLike, *, image_size: tuple[int, int]) -> Boxes:
        """From COCO's left, top, width, height."""
        values = locked(xywh, "float32", (None, 4), name="Boxes.from_xywh")
        return cls(np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1), image_size)

    def to_xywh(self) -> Floats:
        """COCO's left, top, width, height, (N, 4)."""
        return np.concatenate([self.xyxy[:, :2], self.xyxy[:, 2:] - self.xyxy[:, :2]], axis=1)

    def areas(self) -> Floats:
        """Areas in square pixels, (N,)."""
        sides = self.xyxy[:, 2:] - self.xyxy[:, :2]
        return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)

    def __len__(self) -> int:
        return len(self.xyxy)
