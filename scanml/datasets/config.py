"""What is chosen about data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scanml.config import check_fields, field_types
from scanml.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How raw data is read and split.

    A split that comes as its own file is kept; the others are cut from `train` by a stable hash of a group key, so that
    near-duplicates stay together and an image never changes sides when data is added around it.
    """

    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    near_duplicate_bits: int = 12  # of a 256-bit difference hash; unrelated photos differ in about 128
    unlisted: Literal["unknown", "absent"] = "unknown"  # triggers that a record names neither present nor absent
    shard_megabytes: int = 64  # small enough to copy again, large enough to read in one go
    max_megapixels: int = 100  # a larger picture is refused before it is decoded: memory is not the sender's to spend
    follow_links: bool = False  # to files outside the data folder, as data versioning tools make them
    limit: int = 0  # use only the first pictures that every label file lists; 0 means all

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"data.{name} must lie between 0 and 1, received {getattr(self, name)}.")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ConfigError("data.validation_fraction + data.test_fraction must leave something for training.")
        # Hashes are compared where 16 of their 256 bits are equal: exact below 16 differing bits.
        if not 0 <= self.near_duplicate_bits < 16:
            raise ConfigError(f"data.near_duplicate_bits must lie in 0…15, received {self.near_duplicate_bits}.")
        for name, least in (("shard_megabytes", 1), ("max_megapixels", 1), ("limit", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"data.{name} must be at least {least}, received {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Random changes of a training example; probabilities in [0, 1], ranges as fractions."""

    flip_left_right: float = 0.5
    flip_up_down: float = 0.0
    turn: float = 0.0  # chance to swap rows and columns; with both flips every quarter turn, where no side is up
    scale: tuple[float, float] = (0.7, 1.3)  # zoom relative to the letterboxed image
    translate: float = 0.1  # of the input side
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.3
    hue: float = 0.0  # of half a turn around the gray axis
    box_safe: float = 0.0  # chance that no box is cut whose center is seen: the picture is zoomed out for it
    mosaic: float = 0.0  # chance of four pictures in one; for detectors
    mosaic_until: float = 0.8  # of the updates; the last ones learn from whole pictures, as those to come will be
    min_visible: float = 0.3  # a box with less of its area left in the picture is dropped
    pixels_on: Literal["host", "device"] = "host"  # who makes the pixels; chance and boxes are the same

    def __post_init__(self) -> None:
        check_fields(self)
        for name, kind in field_types(AugmentConfig).items():
            if kind is float and not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name} must lie between 0 and 1, received {getattr(self, name)}.")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ConfigError(f"augment.scale must be (least, most), both above 0, received {self.scale}.")
