"""Which object is in front of which: visible masks, kept while a scene is drawn from back to front."""

from __future__ import annotations

import numpy as np

from scanml.datasets.synthetic.canvas import Rgba, stamp
from scanml.structures.arrays import Bools, Floats

MIN_VISIBLE = 0.35  # share of an object's own pixels; below it people stop naming it


class Layers:
    """The visible pixels of everything drawn so far; nothing may be hidden to less than its share."""

    def __init__(self, image_size: tuple[int, int]) -> None:
        self.image_size = image_size
        self._masks: list[Bools] = []
        self._needed: list[float] = []  # pixels of each mask that have to stay visible
        self._protected: list[tuple[Bools, float]] = []

    def protect(self, mask: Bools, *, min_visible: float) -> None:
        """Something (H, W) that is no object but must stay visible by this share of its pixels."""
        self._protected.append((mask, float(mask.sum()) * min_visible))

    def add(self, sprite: Rgba, *, left: int, top: int, under: Bools | None = None) -> bool:
        """Put an object in front, unless it would be cut or hide others too much; whether it was put there.

        `under` (H, W) is what comes with it and lies below it, such as a cloth: it hides others and is no object.
        """
        mask = stamp(self.image_size, sprite, left=left, top=top)
        needed = float((sprite[..., 3] >= 128).sum()) * MIN_VISIBLE
        if mask.sum() < needed or not self.cover(mask if under is None else mask | under):
            return False
        self._masks.append(mask)
        self._needed.append(needed)
        return True

    def cover(self, mask: Bools) -> bool:
        """Hide what is behind `mask` (H, W), unless that would hide something too much; whether it was done."""
        rest = [visible & ~mask for visible in self._masks]
        rest_protected = [(visible & ~mask, needed) for visible, needed in self._protected]
        checks = [*zip(rest, self._needed, strict=True), *rest_protected]
        if any(visible.sum() < needed for visible, needed in checks):
            return False
        self._masks, self._protected = rest, rest_protected
        return True

    def visible(self) -> Bools:
        """The objects' visible pixels, (N, H, W), in the order in which they were added."""
        return np.array(self._masks, dtype=np.bool_).reshape(-1, *self.image_size)

    def bounds(self) -> Floats:
        """Tight boxes of the visible pixels, (N, 4) left, top, right, bottom; edges lie between pixels."""
        boxes = []
        for mask in self._masks:
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        return np.array(boxes, dtype=np.float32).reshape(-1, 4)
