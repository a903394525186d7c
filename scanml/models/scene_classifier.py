"""The scene classifier: which triggers a frame shows, each on its own, calibrated after training."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from scanml.config import from_json, to_json
from scanml.models.backbones import extract_features
from scanml.models.config import SceneClassifierConfig
from scanml.structures.arrays import Tensor
from scanml.structures.examples import LabelSpace


@keras.saving.register_keras_serializable("scanml")
class Calibration(layers.Layer):
    """Divides logits (B, T) by a fitted temperature at inference (Guo et al. 2017, sec. 4.2) and keeps the thresholds.

    Neither learns by gradients: `temperature` () and `thresholds` (T,) are fitted on validation after training.
    """

    def build(self, input_shape: tuple[int, ...]) -> None:
        def constant(shape: tuple[int, ...], value: float, name: str) -> Tensor:
            fill = keras.initializers.Constant(value)
            return self.add_weight(shape=shape, initializer=fill, trainable=False, dtype="float32", name=name)

        self.temperature = constant((), 1.0, "temperature")
        self.thresholds = constant((input_shape[-1],), 0.5, "thresholds")

    def call(self, logits: Tensor, training: bool = False) -> Tensor:
        logits = ops.cast(logits, "float32")
        return logits if training else logits / self.temperature


@keras.saving.register_keras_serializable("scanml")
class SceneClassifier(keras.Model):
    """Triggers of a frame.

    Input: `image` (B, H, W, 3), 0…255, letterboxed to `config.image_size`.
    Output: `trigger_logits` (B, T); their sigmoid is a probability once `calibration` is fitted.
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

    def classify(self, image: Tensor) -> Tensor:
        """Trigger probabilities (B, T) of letterboxed pictures."""
        return ops.sigmoid(self(image, training=False)["trigger_logits"])

    def get_config(self) -> dict[str, Any]:
        return {"config": to_json(self.scanml_config), "labels": to_json(self.labels), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: object = None) -> SceneClassifier:
        # The saved weights follow: those that training started from need not be here.
        built = from_json(SceneClassifierConfig, {**config["config"], "weights": None})
        return cls(built, from_json(LabelSpace, config["labels"]), name=config["name"])
