"""What was read in a frame: triggers, objects, a marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError
from scanml.structures.arrays import Floats, Ints, check_unique, locked
from scanml.structures.boxes import Boxes
from scanml.structures.display import html_table
from scanml.structures.examples import LabelSpace
from scanml.structures.frame import Frame
from scanml.structures.marker import MarkerMatch


@dataclass(frozen=True, eq=False)
class Triggers:
    """A probability for each trigger: `scores` float32 (T,) in [0, 1], in the order of `names`."""

    names: tuple[str, ...]
    scores: Floats

    def __post_init__(self) -> None:
        scores = locked(self.scores, "float32", (len(self.names),), name="Triggers.scores")
        _check_probabilities(scores, "Triggers.scores")
        check_unique(self.names, name="Triggers.names:")
        object.__setattr__(self, "scores", scores)

    def by_name(self) -> dict[str, float]:
        """Name → probability, most probable first."""
        order = np.argsort(-self.scores, kind="stable")
        return {self.names[i]: float(self.scores[i]) for i in order}

    def seen(self, thresholds: Mapping[str, float]) -> dict[str, float]:
        """Those whose probability reaches their threshold, most probable first; without one a trigger always does."""
        return {name: score for name, score in self.by_name().items() if score >= thresholds.get(name, 0.0)}

    def _repr_html_(self) -> str:
        return html_table(["trigger", "probability"], self.by_name().items())


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found, best first: `scores` float32 (N,) in [0, 1], `labels` int32 (N,) into `names`."""

    boxes: Boxes
    scores: Floats
    labels: Ints
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.boxes)
        scores = locked(self.scores, "float32", (count,), name="Detections.scores")
        labels = locked(self.labels, "int32", (count,), name="Detections.labels")
        _check_probabilities(scores, "Detections.scores")
        if count and (labels.min() < 0 or labels.max() >= len(self.names)):
            raise DataError(f"Detections.labels must lie in 0…{len(self.names) - 1}, received {labels.tolist()}.")
        if (np.diff(scores) > 0).any():
            raise DataError("Detections must be sorted by score, best first.")
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "labels", labels)

    @classmethod
    def empty(cls, names: tuple[str, ...], *, image_size: tuple[int, int]) -> Detections:
        """No objects."""
        return cls(
            Boxes(np.zeros((0, 4), np.float32), image_size), np.zeros(0, np.float32), np.zeros(0, np.int32), names
        )

    def above(self, score: float) -> Detections:
        """Those with at least this score."""
        keep = self.scores >= score
        boxes = Boxes(self.boxes.xyxy[keep], self.boxes.image_size)
        return Detections(boxes, self.scores[keep], self.labels[keep], self.names)

    def label_names(self) -> list[str]:
        """The class name of every object."""
        return [self.names[label] for label in self.labels]

    def _repr_html_(self) -> str:
        corners = [", ".join(f"{side:.0f}" for side in box) for box in self.boxes.xyxy]
        rows = zip(self.label_names(), self.scores.tolist(), corners, strict=True)
        return html_table(["object", "score", "left, top, right, bottom"], rows)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False)
class SceneReading:
    """All that is known of a frame once nobody looks at pixels any more."""

    frame_id: str
    triggers: Triggers
    detections: Detections
    marker: MarkerMatch | None = None

    def _repr_html_(self) -> str:
        marker = html_table(["marker"], [[self.marker.marker_id]]) if self.marker else ""
        return marker + self.triggers._repr_html_() + self.detections._repr_html_()


class SceneReader(Protocol):
    """Whatever reads frames: a model in memory or an exported bundle. Boxes are in pixels of the frame."""

    @property
    def labels(self) -> LabelSpace:
        """What the reader's detections and triggers are called."""
        ...

    def read(self, frames: Sequence[Frame]) -> list[SceneReading]:
        """One reading for every frame, in order."""
        ...


def to_readings(
    answers: Mapping[str, npt.NDArray[Any]], frames: Sequence[Frame], *, labels: LabelSpace
) -> list[SceneReading]:
    """A model's answers as readings of their frames, in order; answers beyond the last frame are left out.

    `boxes` (B, D, 4) xyxy px, `scores` and `labels` (B, D) hold in their first `num_detections` (B,) places;
    `trigger_probabilities` is (B, T).
    """
    readings = []
    for row, frame in enumerate(frames):
        found = slice(int(answers["num_detections"][row]))
        boxes, scores, classes = (answers[name][row, found] for name in ("boxes", "scores", "labels"))
        detections = Detections(Boxes(boxes, frame.size), scores, classes, labels.class_names)
        triggers = Triggers(labels.trigger_names, answers["trigger_probabilities"][row])
        readings.append(SceneReading(frame.frame_id, triggers, detections))
    return readings


def _check_probabilities(scores: Floats, name: str) -> None:
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        raise DataError(f"{name} must lie in [0, 1], received {scores.min():.3g}…{scores.max():.3g}.")
