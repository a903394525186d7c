"""COCO's numbers during anybody's `model.fit`, counted as `evaluate` counts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import keras
import numpy as np

from scanml.errors import ConfigError, ModelError
from scanml.evaluation.evaluate import collect
from scanml.evaluation.predict import as_reader
from scanml.evaluation.predictions import FoundObjects
from scanml.structures import Boxes, Detections, ExampleSet, Frame, LabelSpace, SceneReader, SceneReading, Triggers
from scanml.structures.arrays import Pixels, Tensor

Find = Callable[[Sequence[Pixels]], Iterable[tuple[Tensor, Tensor, Tensor]]]


class CocoCallback(keras.callbacks.Callback):
    """COCO's twelve numbers of `examples` in the logs, as `val_AP`, `val_AP50` … `val_ARlarge`, every `every` epochs.

    A `SceneDetector` is asked by itself. For any other model `find` answers: it is given upright pictures uint8
    (H, W, 3) of any size, 16 at most, and returns for each (boxes, scores, labels): boxes (N, 4) xyxy in the picture's
    own pixels, scores (N,) in [0, 1], labels (N,) into `examples.labels.class_names`, in any order. Detections below a
    score of 0.001 are left out. A number that is not defined, such as APsmall without a small object, is not logged.

    Put it before callbacks that look at its numbers: Keras calls them in order.

        fit(..., callbacks=[CocoCallback(data.validation), EarlyStopping(monitor="val_AP", mode="max")])

    Raises:
        ConfigError: `every` below 1, or examples without classes.
        ModelError: as a training begins, where its model is no `SceneDetector` and there is no `find`; at an epoch's
            end, where `find` returns another number of answers than it was given pictures.
    """

    _reader: SceneReader  # of the model in training

    def __init__(self, examples: ExampleSet, *, find: Find | None = None, every: int = 1) -> None:
        super().__init__()
        if every < 1:
            raise ConfigError(f"CocoCallback: every must be at least 1, received {every}.")
        if not examples.labels.class_names:
            raise ConfigError("CocoCallback: expected examples with boxes, received some without classes.")
        self.examples, self.find, self.every = examples, find, every

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Choose who answers: anew each time, as the model may be another one, and once, as it is compiled."""
        self._reader = _Finder(self.find, self.examples.labels) if self.find else as_reader(self.model)
        if not self._reader.labels.class_names:
            raise ModelError("CocoCallback: expected a detector, received a model without classes; give `find`.")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, and write into `logs`."""
        if logs is None or (epoch + 1) % self.every:
            return
        _ = self.model  # on JAX asking for it brings the weights of this epoch into it
        found = cast(FoundObjects, collect(self._reader, self.examples, task="detector").found)
        values = found.matches.summarize()
        logs.update({f"val_{name}": value for name, value in values.items() if not math.isnan(value)})


class _Finder:
    """`find` as a `SceneReader`."""

    def __init__(self, find: Find, labels: LabelSpace) -> None:
        self.find, self.labels = find, labels

    def read(self, frames: Sequence[Frame]) -> list[SceneReading]:
        answers = list(self.find([frame.pixels for frame in frames]))
        if len(answers) != len(frames):
            raise ModelError(
                f"CocoCallback: `find` must return one answer per picture, received {len(answers)} for {len(frames)}."
            )
        return [
            SceneReading(frame.frame_id, Triggers((), np.zeros(0, np.float32)), self._detections(frame, *answer))
            for frame, answer in zip(frames, answers, strict=True)
        ]

    def _detections(self, frame: Frame, boxes: Tensor, scores: Tensor, labels: Tensor) -> Detections:
        order = np.argsort(-np.asarray(scores), kind="stable")
        rows = [np.asarray(values)[order] for values in (boxes, scores, labels)]
        return Detections(Boxes(rows[0], frame.size), rows[1], rows[2], self.labels.class_names)
