"""A test set in memory, and a reader that answers what it was told to answer, by the name of the frame."""

from dataclasses import dataclass

import numpy as np

from scanml.structures import (
    Boxes,
    DetectionExample,
    Detections,
    Frame,
    LabelSpace,
    SceneExample,
    SceneReading,
    Triggers,
)


@dataclass
class FakeExamples:
    """An `ExampleSet`: truths as `ImageTruth`, triggers as a `TriggerTable` (either may be None), gray pictures."""

    class_names: tuple = ()
    truths: tuple | None = None
    table: object = None
    size: tuple = (48, 64)
    name: str = "test"

    @property
    def labels(self):
        names = () if self.table is None else self.table.names
        return LabelSpace(self.class_names, tuple(range(1, len(self.class_names) + 1)), names)

    @property
    def image_hashes(self):
        return [f"hash-{index}" for index in range(len(self))]

    @property
    def image_ids(self):
        return [100 + index for index in range(len(self))]

    def __len__(self):
        return len(self.table if self.truths is None else self.truths)

    def frame(self, index):
        size = self.size if self.truths is None else self.truths[index].boxes.image_size
        return Frame(np.full((*size, 3), (40 + index) % 256, np.uint8), f"{index}.jpg")

    def detection(self, index):
        frame = self.frame(index)
        if self.truths is None:
            return DetectionExample(frame, Boxes([], frame.size), [], [])
        truth = self.truths[index]
        return DetectionExample(frame, truth.boxes, truth.labels, truth.crowd)

    def scene(self, index):
        return SceneExample(self.frame(index), *self.trigger_arrays(index))

    def trigger_arrays(self, index):
        if self.table is None:
            return np.zeros(0, bool), np.zeros(0, bool)
        return self.table.present[index], self.table.known[index]


class FakeReader:
    """A `SceneReader` with `detections` and `scores` (N, T) per image; remembers the size of every batch."""

    def __init__(self, class_names=(), detections=None, trigger_names=(), scores=None, thresholds=None):
        self.labels = LabelSpace(tuple(class_names), tuple(range(len(class_names))), tuple(trigger_names))
        self.detections, self.scores = detections, scores
        self.batches = []
        if thresholds is not None:
            self.thresholds = thresholds

    def read(self, frames):
        self.batches.append(len(frames))
        return [self.read_one(frame, int(frame.frame_id.partition(".")[0])) for frame in frames]

    def read_one(self, frame, index):
        names = self.labels.class_names
        found = Detections.empty(names, image_size=frame.size) if self.detections is None else self.detections[index]
        scores = [] if self.scores is None else self.scores[index]
        return SceneReading(frame.frame_id, Triggers(self.labels.trigger_names, scores), found)
