"""One camera frame."""

from __future__ import annotations

from dataclasses import dataclass

from scanml.structures.arrays import Pixels, locked
from scanml.structures.display import png


@dataclass(frozen=True, eq=False)
class Frame:
    """An upright RGB picture: `pixels` uint8 (H, W, 3), read-only."""

    pixels: Pixels
    frame_id: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", locked(self.pixels, "uint8", (None, None, 3), name=f"Frame {self.frame_id}"))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.pixels.shape[:2]
        return height, width

    def _repr_png_(self) -> bytes | None:
        return png(self.pixels)
