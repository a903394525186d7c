"""What a model is asked to minimize: its outputs and a batch → named terms, of which `loss` is their weighted sum."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from scanml.losses.detection import distribution_focal_loss, generalized_iou_loss, quality_focal_loss
from scanml.losses.multilabel import asymmetric_loss
from scanml.models.scene_classifier import SceneClassifier
from scanml.models.scene_detector import SceneDetector
from scanml.ops.targets import assign
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch, Outputs

Objective = Callable[[Outputs, Batch], Outputs]
BOX_WEIGHT, DISTRIBUTION_WEIGHT = 2.0, 0.25  # against a class weight of 1 (Generalized Focal Loss, sec. 4)


def detector_objective(model: SceneDetector) -> Objective:
    """Class quality, box overlap and box distribution, normalized by the batch's total target quality."""

    def objective(outputs: Outputs, batch: Batch) -> Outputs:
        boxes = model.decode(outputs)
        probabilities = ops.sigmoid(outputs["class_logits"])
        targets = assign(probabilities, boxes, batch, model.centers)
        quality = ops.sum(targets["class_targets"], axis=-1)
        total = ops.maximum(ops.sum(quality), 1.0)
        classes = quality_focal_loss(outputs["class_logits"], targets["class_targets"])
        classes = ops.sum(classes * (1.0 - targets["ignored"])[..., None]) / total
        overlap = ops.sum(generalized_iou_loss(boxes, targets["boxes"]) * quality) / total
        sides = _distances(targets["boxes"], model)
        spread = ops.sum(distribution_focal_loss(outputs["box_logits"], sides) * quality) / total
        truths = ops.cast((batch["labels"] >= 0) & ops.logical_not(batch["crowd"]), "float32")
        return {
            "loss": classes + BOX_WEIGHT * overlap + DISTRIBUTION_WEIGHT * spread,
            "class_loss": classes,
            "box_loss": overlap,
            "distribution_loss": spread,
            "truths": ops.sum(truths),
            "truths_without_location": ops.sum(truths) - ops.sum(targets["taught"]),
        }

    return objective


def classifier_objective(model: SceneClassifier) -> Objective:
    """Asymmetric loss over the known triggers."""
    return lambda outputs, batch: {"loss": asymmetric_loss(outputs["trigger_logits"], batch["present"], batch["known"])}


OBJECTIVES: dict[str, Callable[[keras.Model], Objective]] = {
    "detector": detector_objective,
    "classifier": classifier_objective,
}


def _distances(boxes: Tensor, model: SceneDetector) -> Tensor:
    """Distances (B, P, 4) of each location to the sides of its box, in strides."""
    low, high = ops.split(boxes, 2, axis=-1)
    return ops.concatenate([model.centers - low, high - model.centers], axis=-1) / model.strides[:, None]
