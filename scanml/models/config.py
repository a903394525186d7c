"""What is chosen about models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scanml.config import check_fields
from scanml.errors import ConfigError

Size = Literal["tiny", "small", "base"]


@dataclass(frozen=True, kw_only=True)
class SceneDetectorConfig:
    """The detector. `backbone` is our own ("tiny", "small", "base" by `size`) or a `keras.applications` name."""

    size: Size = "small"
    image_size: tuple[int, int] = (256, 320)  # height, width: 4:3 photos without padding, multiples of the stride 32
    backbone: str | None = None
    weights: str | None = None  # None: from scratch; "imagenet": keras.applications' file, which must be there
    num_bins: int = 12  # R: distances up to 11 strides, at stride 32 boxes of 704 px (Li et al. 2020 use 16 at 1333 px)
    nms_iou: float = 0.6  # dense scenes overlap; RTMDet's choice
    max_detections: int = 100  # COCO counts no more
    max_candidates: int = 300  # before suppression; with 100 left, more changed nothing measurable

    def __post_init__(self) -> None:
        check_fields(self)
        _check_image_size(self.image_size)
        for name, least in (("num_bins", 2), ("max_detections", 1), ("max_candidates", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"detector.{name} must be at least {least}, received {getattr(self, name)}.")
        if not 0 <= self.nms_iou <= 1:
            raise ConfigError(f"detector.nms_iou must lie in [0, 1], received {self.nms_iou}.")


@dataclass(frozen=True, kw_only=True)
class SceneClassifierConfig:
    """The trigger classifier; fields as in the detector."""

    size: Size = "small"
    image_size: tuple[int, int] = (192, 256)
    backbone: str | None = None
    weights: str | None = None
    dropout: float = 0.2

    def __post_init__(self) -> None:
        check_fields(self)
        _check_image_size(self.image_size)
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"classifier.dropout must lie in [0, 1), received {self.dropout}.")


def _check_image_size(image_size: tuple[int, int]) -> None:
    if any(side < 64 or side % 32 for side in image_size):
        raise ConfigError(f"image_size must be multiples of 32, at least 64, received {image_size}.")
