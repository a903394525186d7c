"""Flat images that lenses are tied to, and where one was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError
from scanml.structures.arrays import Doubles, Floats, Pixels, locked
from scanml.structures.display import png


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """`points_xy` float32 (K, 2) in pixels and their `descriptors` (K, D)."""

    points_xy: Floats
    descriptors: npt.NDArray[Any]

    def __post_init__(self) -> None:
        points = locked(self.points_xy, "float32", (None, 2), name="LocalFeatures.points_xy")
        object.__setattr__(self, "points_xy", points)
        descriptors = np.asarray(self.descriptors)
        shape = (len(points), None)
        object.__setattr__(self, "descriptors", locked(descriptors, descriptors.dtype, shape, name="descriptors"))

    def __len__(self) -> int:
        return len(self.points_xy)


@dataclass(frozen=True, eq=False)
class Marker:
    """A known poster or package: its upright `pixels` uint8 (H, W, 3) and its local features."""

    marker_id: str
    pixels: Pixels
    features: LocalFeatures

    def __post_init__(self) -> None:
        pixels = locked(self.pixels, "uint8", (None, None, 3), name=f"Marker {self.marker_id}")
        object.__setattr__(self, "pixels", pixels)

    def _repr_png_(self) -> bytes | None:
        return png(self.pixels)


@dataclass(frozen=True, eq=False)
class MarkerMatch:
    """A marker found: `homography` float64 (3, 3) takes marker pixels to frame pixels."""

    marker_id: str
    similarity: float
    num_inliers: int
    homography: Doubles
    marker_size: tuple[int, int]

    def __post_init__(self) -> None:
        if not 0 <= self.similarity <= 1:
            raise DataError(f"MarkerMatch.similarity must lie in [0, 1], received {self.similarity}.")
        object.__setattr__(self, "homography", locked(self.homography, "float64", (3, 3), name="homography"))
        with np.errstate(divide="ignore", invalid="ignore"):
            is_finite = np.isfinite(self.corners()).all()
        if not is_finite or np.linalg.matrix_rank(self.homography) < 3:
            raise DataError(
                f"MarkerMatch.homography must be invertible and take the marker's corners to finite points, "
                f"received {self.homography.tolist()}."
            )

    def corners(self) -> Doubles:
        """The marker's outline in the frame, (4, 2) pixels: its top left first, clockwise."""
        height, width = self.marker_size
        outline = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], dtype=np.float64)
        projected = outline @ self.homography.T
        return np.asarray(projected[:, :2] / projected[:, 2:], dtype=np.float64)
