"""What another format says about a folder of pictures, before any picture was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class LabelledObject:
    """A box x, y, width, height of class number `label`; `polygon` is x1, y1, x2, y2, … where the format draws one."""

    label: int
    xywh: Numbers
    polygon: Numbers = ()
    crowd: bool = False


@dataclass(frozen=True)
class LabelledImage:
    """A picture on disk, its name below `images/`, and what its label file says.

    Coordinates are pixels of a picture of `size` (width, height); without a size, fractions of the upright picture.
    """

    path: Path
    file_name: str
    label_file: Path
    objects: tuple[LabelledObject, ...]
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class LabelledFolder:
    """The pictures by the name of the label file they will be listed in: train, validation, test or instances.

    `mistakes` say by file and line what is wrong and was left out.
    """

    class_names: tuple[str, ...]
    splits: Mapping[str, tuple[LabelledImage, ...]]
    mistakes: tuple[str, ...] = field(default=(), repr=False)
