"""What a model said of a test set beside what is true: all that judging needs, and no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scanml.config import fingerprint
from scanml.errors import DataError
from scanml.metrics import ImageTruth, Matches, TriggerTable, match
from scanml.metrics.detection.truth import check_images
from scanml.structures import Detections
from scanml.structures.arrays import Doubles, locked
from scanml.structures.batches import Task


@dataclass(frozen=True)
class ImageRecord:
    """Which picture it was: `size` is (height, width) in pixels, `pixel_hash` that of the upright pixels."""

    file_name: str
    image_id: int
    pixel_hash: str
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise DataError(
                f"{self.file_name}: expected a (height, width) of at least one pixel, received {self.size}."
            )


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """A detector's answers: truths and detections of I images, the labels of both into `class_names`."""

    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    truths: tuple[ImageTruth, ...]
    detections: tuple[Detections, ...]

    def __post_init__(self) -> None:
        if len(self.category_ids) != len(self.class_names):
            raise DataError(f"{len(self.class_names)} classes need as many category ids, received {self.category_ids}.")
        check_images(self.truths, self.detections, num_classes=len(self.class_names))

    @cached_property
    def matches(self) -> Matches:
        """Which detection found which object, worked out once."""
        return match(self.truths, self.detections, num_classes=len(self.class_names))

    def truth_to_json(self) -> list[object]:
        """Per image what is true, as JSON values."""
        return [
            [t.boxes.xyxy.tolist(), t.labels.tolist(), t.crowd.tolist(), t.sizes_px2().tolist()] for t in self.truths
        ]

    def __len__(self) -> int:
        return len(self.truths)


@dataclass(frozen=True, eq=False)
class FoundTriggers:
    """A classifier's answers: the scores and the truth of I images × T triggers, and `thresholds` float64 (T,)."""

    table: TriggerTable
    thresholds: Doubles

    def __post_init__(self) -> None:
        thresholds = locked(self.thresholds, "float64", (len(self.table.names),), name="thresholds")
        object.__setattr__(self, "thresholds", thresholds)

    def truth_to_json(self) -> list[object]:
        """Per image what is true, as JSON values: 1 present, 0 absent, -1 nobody looked."""
        table = self.table
        return [
            [int(p) if k else -1 for p, k in zip(*row, strict=True)]
            for row in zip(table.present, table.known, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.table)


Found = FoundObjects | FoundTriggers


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of one model to one test set; `num_leaked` test images are among those it was trained on.

    None: nobody knows what it was trained on.

    Raises:
        DataError: parts of different numbers of images.
    """

    images: tuple[ImageRecord, ...]
    found: Found
    num_leaked: int | None = None

    def __post_init__(self) -> None:
        if len(self.images) != len(self.found):
            raise DataError(f"answers to {len(self.images)} images expected, received {len(self.found)}.")
        if self.num_leaked is not None and not 0 <= self.num_leaked <= len(self.images):
            raise DataError(f"num_leaked must lie in 0…{len(self.images)}, received {self.num_leaked}.")

    @property
    def task(self) -> Task:
        """Which kind of model answered."""
        return "detector" if isinstance(self.found, FoundObjects) else "classifier"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes, or of the triggers."""
        return self.found.class_names if isinstance(self.found, FoundObjects) else self.found.table.names

    @property
    def test_hashes(self) -> Sequence[str]:
        """The pixel hash of every image."""
        return [image.pixel_hash for image in self.images]

    @cached_property
    def test_fingerprint(self) -> str:
        """Changes with any pixel, any truth, any name, and with the order: equal for all models on one test set."""
        return fingerprint([self.task, list(self.names), list(self.test_hashes), self.found.truth_to_json()])

    def __len__(self) -> int:
        return len(self.images)
