"""An exported bundle as a `SceneReader`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanml.datasets.images import decode_image
from scanml.errors import ArtifactError, DataError
from scanml.export.bundle import open_bundle
from scanml.structures.arrays import Tensor
from scanml.structures.examples import LabelSpace
from scanml.structures.frame import Frame
from scanml.structures.scene import SceneReading, to_readings


class SceneBundle:
    """The SavedModel of the bundle in `folder`. Boxes are in pixels of the upright picture.

    Raises:
        ArtifactError: the bundle is damaged or missing.
    """

    def __init__(self, folder: Path) -> None:
        self.bundle = open_bundle(folder)
        import tensorflow as tf

        try:
            self._loaded = tf.saved_model.load(str(self.bundle.saved_model))
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{folder}: the SavedModel cannot be loaded ({error}); export it again.") from error
        self._tf = tf

    @property
    def labels(self) -> LabelSpace:
        """What the model's classes and triggers are called."""
        return self.bundle.manifest.labels

    @property
    def thresholds(self) -> Mapping[str, float]:
        """From which probability on a trigger counts as seen, by its name."""
        return self.bundle.manifest.thresholds

    def read(self, frames: Sequence[Frame]) -> list[SceneReading]:
        """One reading for every frame, in order."""
        ask = self._loaded.signatures["from_pixels"]
        return [self._reading(ask(image=self._tf.constant(frame.pixels[None])), frame) for frame in frames]

    def read_bytes(self, data: bytes, frame_id: str) -> SceneReading:
        """The reading of an encoded JPEG or PNG; the graph decodes it and turns it upright.

        Raises:
            DataError: the picture is broken; `frame_id` names it.
        """
        frame = Frame(decode_image(data, where=frame_id), frame_id)
        try:
            answer = self._loaded.signatures["serving_default"](image_bytes=self._tf.constant([data]))
        except self._tf.errors.InvalidArgumentError as error:
            raise DataError(f"{frame_id}: TensorFlow cannot decode it; save it again as JPEG or PNG.") from error
        return self._reading(answer, frame)

    def _reading(self, answer: Mapping[str, Tensor], frame: Frame) -> SceneReading:
        arrays = {name: value.numpy() for name, value in answer.items()}
        return to_readings(arrays, [frame], labels=self.labels)[0]
