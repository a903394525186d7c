"""The scene classifier: which triggers a frame shows, each on its own, calibrated after training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from scanml.config import from_json, to_json
from scanml.models.backbones import extract_features
from scanml.models.config import SceneClassifierConfig
from scanml.structures.arrays import Ints, Tensor
from scanml.structures.examples import LabelSpace


@keras.saving.register_keras_serializable("scanml")
class Calibration(layers.Layer):
    """Divides logits (B, T) by a fitted temperature at inference (Guo et al. 2017, sec. 4.2).

    It keeps what is known of the triggers beside: `temperature` () and `thresholds` (T,) are fitted on validation after
    training, `positives` (T,) counts the training pictures that show each. None of them learns by gradients.
    """

    def build(self, input_shape: tuple[int, ...]) -> None:
        def constant(shape: tuple[int, ...], value: float, name: str) -> Tensor:
            fill = keras.initializers.Constant(value)
            return self.add_weight(shape=shape, initializer=fill, trainable=False, dtype="float32", name=name)

        self.temperature = constant((), 1.0, "temperature")
        self.thresholds = constant((input_shape[-1],), 0.5, "thresholds")
        self.positives = constant((input_shape[-1],), 0.0, "positives")

    def call(self, logits: Tensor, training: bool = False) -> Tensor:
        logits = ops.cast(logits, "float32")
        return logits if training else logits / self.temperature


@keras.saving.register_keras_serializable("scanml")
class SceneClassifier(keras.Model):
    """Triggers of a frame.

    Input: `image` (B, H, W, 3), 0…255, letterboxed to `config.image_size`.
    Output: `trigger_logits` (B, T); their sigmoid is a probability once `calibration` is fitted. What triggers imply,
    `classify` alone respects.
    """

    task = "classifier"

    def __init__(self, config: SceneClassifierConfig, labels: LabelSpace, **kwargs: Any) -> None:
        image = keras.Input((*config.image_size, 3), name="image")
        _, middle, coarse = extract_features(image, size=config.size, backbone=config.backbone, weights=config.weights)
        pooled = [layers.GlobalAveragePooling2D(name=f"pool{i}")(x) for i, x in enumerate((middle, coarse))]
        x = layers.Concatenate(name="pooled")([*pooled, layers.GlobalMaxPooling2D(name="peak")(coarse)])
        x = layers.Dropout(config.dropout, name="dropout")(x)
        logits = layers.Dense(len(labels.trigger_names), name="logits")(x)
        calibration = Calibration(name="calibration", dtype="float32")
        kwargs.setdefault("name", "scene_classifier")
        super().__init__(inputs=image, outputs={"trigger_logits": calibration(logits)}, **kwargs)
        self.scanml_config, self.labels, self.calibration = config, labels, calibration
        self._families = _families(labels)

    def classify(self, image: Tensor) -> Tensor:
        """Trigger probabilities (B, T) of letterboxed pictures."""
        return self.answer(self(image, training=False))

    def answer(self, outputs: dict[str, Tensor]) -> Tensor:
        """Trigger probabilities (B, T) of the network's outputs; what a trigger implies is at least as likely."""
        own = ops.sigmoid(outputs["trigger_logits"])
        if not len(self._families):
            return own
        # Of probabilities and not of logits: two equal logits may differ by one rounding after the sigmoid.
        raised = ops.max(ops.take(own, self._families, axis=1), axis=2)
        place = np.arange(own.shape[1])
        place[self._families[:, 0]] = own.shape[1] + np.arange(len(self._families))
        return ops.take(ops.concatenate([own, raised], axis=1), place, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {"config": to_json(self.scanml_config), "labels": to_json(self.labels), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: object = None) -> SceneClassifier:
        # The saved weights follow: those that training started from need not be here.
        built = from_json(SceneClassifierConfig, {**config["config"], "weights": None})
        return cls(built, from_json(LabelSpace, config["labels"]), name=config["name"])


def _families(labels: LabelSpace) -> Ints:
    """A row (P, K) for each trigger that others imply: its index, then theirs, then its own again as padding."""
    index = {name: i for i, name in enumerate(labels.trigger_names)}
    rows: dict[str, list[int]] = {}
    for name, above in labels.implied().items():
        for parent in sorted(above):
            rows.setdefault(parent, [index[parent]]).append(index[name])
    longest = max(map(len, rows.values()), default=0)
    padded = [row + row[:1] * (longest - len(row)) for row in rows.values()]
    return np.array(padded, np.int32).reshape(len(rows), longest)
