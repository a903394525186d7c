"""The scene detector: one stage, anchor-free, a feature pyramid, and for each location a class score and a box."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from scanml.config import from_json, to_json
from scanml.models.backbones import NORMALIZATION, convolution, extract_features
from scanml.models.config import STRIDES, SceneDetectorConfig
from scanml.ops.boxes import nms
from scanml.ops.targets import decode_boxes, locations
from scanml.structures.arrays import Tensor
from scanml.structures.examples import LabelSpace

NECK_WIDTHS = {"tiny": 32, "small": 48, "base": 96}
_PRIOR = 0.01  # a location's score before training: background is the rule (Lin et al. 2017, sec. 3.3)
# Of the bins' logits before training: sides 2 strides away. Larger boxes overlap small objects too little to teach.
_BOX_SLOPE = -0.4


@keras.saving.register_keras_serializable("scanml")
class SceneDetector(keras.Model):
    """Objects in a frame.

    Input: `image` (B, H, W, 3), 0…255, letterboxed to `config.image_size`.
    Output: `class_logits` (B, P, C) and `box_logits` (B, P, 4, R) for P locations; see `structures.batches`.
    """

    task = "detector"

    def __init__(self, config: SceneDetectorConfig, labels: LabelSpace, **kwargs: Any) -> None:
        image = keras.Input((*config.image_size, 3), name="image")
        features = extract_features(image, size=config.size, backbone=config.backbone, weights=config.weights)
        width = NECK_WIDTHS[config.size]
        levels = _pyramid(features, width)
        class_logits, box_logits = _heads(levels, width, len(labels.class_names), config.num_bins)
        outputs = {
            "class_logits": layers.Activation("linear", dtype="float32", name="class_logits")(class_logits),
            "box_logits": layers.Activation("linear", dtype="float32", name="box_logits")(box_logits),
        }
        kwargs.setdefault("name", "scene_detector")
        super().__init__(inputs=image, outputs=outputs, **kwargs)
        self.scanml_config, self.labels = config, labels
        self.centers, self.strides = locations(config.image_size, STRIDES)

    def decode(self, outputs: dict[str, Tensor]) -> Tensor:
        """Boxes xyxy (B, P, 4) in pixels of the letterboxed picture, before suppression."""
        return decode_boxes(outputs["box_logits"], self.centers, self.strides)

    def detect(self, image: Tensor) -> dict[str, Tensor]:
        """Final `boxes` (B, D, 4) xyxy, `scores`, `labels` (B, D), `num_detections` (B,) of letterboxed pictures."""
        return self.answer(self(image, training=False))

    def answer(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `detect` gives, of the network's outputs."""
        config = self.scanml_config
        return nms(
            self.decode(outputs),
            ops.sigmoid(outputs["class_logits"]),
            max_detections=config.max_detections,
            max_candidates=config.max_candidates,
            iou_threshold=config.nms_iou,
            vote_iou=config.vote_iou,
        )

    def get_config(self) -> dict[str, Any]:
        return {"config": to_json(self.scanml_config), "labels": to_json(self.labels), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: object = None) -> SceneDetector:
        # The saved weights follow: those that training started from need not be here.
        built = from_json(SceneDetectorConfig, {**config["config"], "weights": None})
        return cls(built, from_json(LabelSpace, config["labels"]), name=config["name"])


def _pyramid(features: tuple[Tensor, Tensor, Tensor], width: int) -> list[Tensor]:
    """Top-down, then bottom-up again (PANet, Liu et al. 2018, sec. 3.1): three levels of `width` channels."""
    fine, middle, coarse = (
        convolution(feature, width, kernel=1, name=f"lateral{i + 3}") for i, feature in enumerate(features)
    )
    p4 = layers.Add(name="meet4")([layers.UpSampling2D(name="enlarge5")(coarse), middle])
    p4 = convolution(p4, width, name="down4")
    p3 = layers.Add(name="meet3")([layers.UpSampling2D(name="enlarge4")(p4), fine])
    p3 = convolution(p3, width, name="down3")
    n4 = layers.Add(name="meet4_again")([convolution(p3, width, strides=2, name="step4"), p4])
    n4 = convolution(n4, width, name="up4")
    n5 = layers.Add(name="meet5")([convolution(n4, width, strides=2, name="step5"), coarse])
    return [p3, n4, convolution(n5, width, name="up5")]


def _heads(levels: list[Tensor], width: int, num_classes: int, num_bins: int) -> tuple[Tensor, Tensor]:
    """Class and box branch, (B, P, C) and (B, P, 4, R): one set of kernels for all levels, so that what is learned of
    small objects helps large ones, with a normalization of each level (RTMDet, Lyu et al. 2022, sec. 3.3)."""
    prior = keras.initializers.Constant(-math.log((1 - _PRIOR) / _PRIOR))
    score = layers.Conv2D(num_classes, 1, bias_initializer=prior, name="class")
    falling = keras.initializers.Constant(np.tile(_BOX_SLOPE * np.arange(num_bins, dtype=np.float32), 4))
    side = layers.Conv2D(4 * num_bins, 1, bias_initializer=falling, name="box")
    branches = _branch(levels, width, "class"), _branch(levels, width, "box")
    scores = [layers.Reshape((-1, num_classes))(score(x)) for x in branches[0]]
    sides = [layers.Reshape((-1, 4, num_bins))(side(x)) for x in branches[1]]
    return layers.Concatenate(axis=1, name="all_classes")(scores), layers.Concatenate(axis=1, name="all_boxes")(sides)


def _branch(levels: list[Tensor], width: int, name: str) -> list[Tensor]:
    across = layers.DepthwiseConv2D(5, padding="same", use_bias=False, name=f"{name}_across")
    mix = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_mix")
    normed = [layers.BatchNormalization(**NORMALIZATION)(mix(across(level))) for level in levels]
    return [layers.Activation("silu")(x) for x in normed]
