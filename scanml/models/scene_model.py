"""Detector and classifier as one reader of frames: the one definition of "picture → final answer"."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from scanml.errors import ModelError
from scanml.models.scene_classifier import SceneClassifier
from scanml.models.scene_detector import SceneDetector
from scanml.ops.boxes import clip
from scanml.ops.image import letterbox, unletterbox
from scanml.structures.arrays import Tensor
from scanml.structures.examples import LabelSpace
from scanml.structures.frame import Frame
from scanml.structures.scene import SceneReading, to_readings

_BATCH = 16  # frames a network sees at once: enough to keep it busy, little enough for any memory


class SceneModel(keras.Model):
    """A `SceneReader` in memory. Evaluation calls it and the export traces it, so that both say the same.

    An answer holds `boxes` float32 (D, 4) xyxy in pixels of the picture, `scores` float32 (D,) descending, `labels`
    int32 (D,), `num_detections` int32 () of which these hold (the rest is zero), `trigger_probabilities` float32 (T,).
    Without a detector D is 0, without a classifier T is 0.

    Raises:
        ModelError: neither a detector nor a classifier.
    """

    def __init__(self, detector: SceneDetector | None = None, classifier: SceneClassifier | None = None) -> None:
        if detector is None and classifier is None:
            raise ModelError("SceneModel needs a detector, a classifier or both, received neither.")
        super().__init__(name="scene_model", dtype="float32")
        self.detector, self.classifier = detector, classifier
        self.jit_compile = keras.backend.backend() == "jax"  # TensorFlow's own kernels need no minute of XLA first

    @property
    def labels(self) -> LabelSpace:
        """The detector's classes and the classifier's triggers."""
        classes = LabelSpace() if self.detector is None else self.detector.labels
        triggers = LabelSpace() if self.classifier is None else self.classifier.labels
        names = (classes.class_names, classes.category_ids, triggers.trigger_names)
        return LabelSpace(*names, trigger_parents=triggers.trigger_parents)

    @property
    def thresholds(self) -> dict[str, float]:
        """From which probability on a trigger counts as seen, by its name; empty without a classifier."""
        return {} if self.classifier is None else _by_trigger(self.classifier, "thresholds")

    @property
    def train_positives(self) -> dict[str, float]:
        """How many training pictures show a trigger, by its name; empty without a classifier."""
        return {} if self.classifier is None else _by_trigger(self.classifier, "positives")

    def prepare(self, image: Tensor) -> dict[str, Tensor]:
        """What the networks need of one picture (H, W, 3), uint8 or float 0…255; shapes do not depend on H and W."""
        prepared = {"image_size": ops.stack(ops.shape(image)[:2])}
        for task, model in (("detector", self.detector), ("classifier", self.classifier)):
            if model is not None:
                prepared[task], prepared[f"{task}_scales"] = letterbox(image, model.scanml_config.image_size)
        return prepared

    def call(self, prepared: dict[str, Tensor]) -> dict[str, Tensor]:
        """The answers to prepared pictures; every tensor has a leading axis B."""
        count = ops.shape(prepared["image_size"])[0]
        answer = {
            "boxes": ops.zeros((count, 0, 4), "float32"),
            "scores": ops.zeros((count, 0), "float32"),
            "labels": ops.zeros((count, 0), "int32"),
            "num_detections": ops.zeros((count,), "int32"),
            "trigger_probabilities": ops.zeros((count, 0), "float32"),
        }
        if self.detector is not None:
            found = self.detector.detect(prepared["detector"])
            size = ops.cast(prepared["image_size"], "float32")
            boxes = unletterbox(found["boxes"], prepared["detector_scales"])
            answer |= found | {"boxes": clip(boxes, height=size[:, :1], width=size[:, 1:])}
        if self.classifier is not None:
            answer["trigger_probabilities"] = self.classifier.classify(prepared["classifier"])
        return answer

    def from_pixels(self, image: Tensor) -> dict[str, Tensor]:
        """The answer to one picture (H, W, 3), uint8 or float 0…255."""
        answer = self.call({name: value[None] for name, value in self.prepare(image).items()})
        return {name: value[0] for name, value in answer.items()}

    def read(self, frames: Sequence[Frame]) -> list[SceneReading]:
        """One reading for every frame, in order. The networks see 16 frames at a time."""
        room = min(len(frames), _BATCH)
        readings: list[SceneReading] = []
        for start in range(0, len(frames), _BATCH):
            chunk = frames[start : start + _BATCH]
            prepared = [self.prepare(frame.pixels) for frame in chunk]
            prepared += prepared[-1:] * (room - len(chunk))  # one size, compiled once
            answer = self.predict_on_batch({name: ops.stack([one[name] for one in prepared]) for name in prepared[0]})
            readings += to_readings(answer, chunk, labels=self.labels)
        return readings


def _by_trigger(classifier: SceneClassifier, name: str) -> dict[str, float]:
    values = ops.convert_to_numpy(getattr(classifier.calibration, name))
    return dict(zip(classifier.labels.trigger_names, values.tolist(), strict=True))
