"""What is chosen about models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scanml.config import check_fields
from scanml.errors import ConfigError

Size = Literal["tiny", "small", "base"]
STRIDES = (8, 16, 32)  # pixels between two locations on each of the detector's levels


@dataclass(frozen=True, kw_only=True)
class SceneDetectorConfig:
    """The detector. `backbone` is our own ("tiny", "small", "base" by `size`) or a `keras.applications` name."""

    size: Size = "small"
    image_size: tuple[int, int] = (256, 320)  # height, width: multiples of the stride 32; 4:3 photos fill 240×320 of it
    backbone: str | None = None
    weights: Literal["imagenet"] | None = None  # None: from scratch; else keras.applications' file, which must be there
    num_bins: int = 12  # R: distances up to 11 strides, at stride 32 boxes of 704 px (Li et al. 2020 use 16 at 1333 px)
    nms_iou: float = 0.6  # dense scenes overlap; RTMDet's choice
    vote_iou: float = 0.8  # a box is the mean of those it suppressed within this: AP 0.601 for 0.593 on blood cells
    max_detections: int = 100  # COCO counts no more
    max_candidates: int = 600  # before suppression; large cells left small ones no room in 300: AP 0.593 for 0.584

    def __post_init__(self) -> None:
        check_fields(self)
        _check_image_size(self.image_size)
        for name, least in (("num_bins", 2), ("max_detections", 1), ("max_candidates", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"detector.{name} must be at least {least}, received {getattr(self, name)}.")
        for name in ("nms_iou", "vote_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"detector.{name} must lie in [0, 1], received {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class SceneClassifierConfig:
    """The trigger classifier; fields as in the detector."""

    size: Size = "small"
    image_size: tuple[int, int] = (192, 256)
    backbone: str | None = None
    weights: Literal["imagenet"] | None = None
    dropout: float = 0.2

    def __post_init__(self) -> None:
        check_fields(self)
        _check_image_size(self.image_size)
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"classifier.dropout must lie in [0, 1), received {self.dropout}.")


def _check_image_size(image_size: tuple[int, int]) -> None:
    if any(side < 64 or side % 32 for side in image_size):
        raise ConfigError(f"image_size must be multiples of 32, at least 64, received {image_size}.")
