"""A frame together with its truth, and sets of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scanml.config import ADDED_LATER
from scanml.errors import DataError
from scanml.structures.arrays import Bools, Doubles, Ints, check_unique, locked
from scanml.structures.boxes import Boxes
from scanml.structures.frame import Frame
from scanml.structures.taxonomy import ancestors


@dataclass(frozen=True, eq=False)
class DetectionExample:
    """A frame and its objects: `labels` int32 (N,), `crowd` bool (N,) for regions COCO does not score.

    `areas` float64 (N,) in square pixels are those of the masks, where they are known.
    """

    frame: Frame
    boxes: Boxes
    labels: Ints
    crowd: Bools
    areas: Doubles | None = None

    def __post_init__(self) -> None:
        count = len(self.boxes)
        if self.boxes.image_size != self.frame.size:
            raise DataError(
                f"{self.frame.frame_id}: boxes are for an image of {self.boxes.image_size}, "
                f"the frame is {self.frame.size}."
            )
        object.__setattr__(self, "labels", locked(self.labels, "int32", (count,), name="labels", least=0))
        object.__setattr__(self, "crowd", locked(self.crowd, "bool", (count,), name="crowd"))
        if self.areas is not None:
            object.__setattr__(self, "areas", locked(self.areas, "float64", (count,), name="areas", least=0))


@dataclass(frozen=True, eq=False)
class SceneExample:
    """A frame and its triggers: `present` bool (T,) counts only where `known` bool (T,), i.e. where someone looked."""

    frame: Frame
    present: Bools
    known: Bools

    def __post_init__(self) -> None:
        known = locked(self.known, "bool", (None,), name="known")
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "present", locked(self.present, "bool", (len(known),), name="present"))


@dataclass(frozen=True)
class LabelSpace:
    """What the labels of a data set mean: class names with COCO's category ids, and trigger names.

    `trigger_parents` are pairs (trigger, what it implies), such as ("cola", "drink").
    """

    class_names: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()
    trigger_names: tuple[str, ...] = ()
    trigger_parents: tuple[tuple[str, str], ...] = field(default=(), metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        if len(self.class_names) != len(self.category_ids):
            raise DataError(
                f"{len(self.class_names)} class names need as many category ids, received {self.category_ids}."
            )
        for name in ("class_names", "category_ids", "trigger_names", "trigger_parents"):
            check_unique(getattr(self, name), name=f"LabelSpace.{name}:")
        unknown = {name for pair in self.trigger_parents for name in pair} - set(self.trigger_names)
        if unknown:
            raise DataError(f"LabelSpace.trigger_parents: {sorted(unknown)} are not among the trigger names.")
        ancestors(self.trigger_parents)

    def implied(self) -> dict[str, frozenset[str]]:
        """By trigger, all that it implies: its parents, theirs, and so on."""
        found = ancestors(self.trigger_parents)
        return {name: found.get(name, frozenset()) for name in self.trigger_names}


class ExampleSet(Protocol):
    """One split of a data set, read example by example."""

    @property
    def name(self) -> str:
        """train, validation or test."""
        ...

    @property
    def labels(self) -> LabelSpace:
        """What class and trigger numbers mean."""
        ...

    @property
    def image_hashes(self) -> Sequence[str]:
        """A hash of every image's upright pixels, in order."""
        ...

    @property
    def image_ids(self) -> Sequence[int]:
        """COCO's image ids, in order."""
        ...

    def __len__(self) -> int: ...

    def detection(self, index: int) -> DetectionExample:
        """Example `index` with its boxes."""
        ...

    def scene(self, index: int) -> SceneExample:
        """Example `index` with its triggers."""
        ...

    def trigger_arrays(self, index: int) -> tuple[Bools, Bools]:
        """(present, known) bool (T,) of example `index`, without opening its picture."""
        ...
