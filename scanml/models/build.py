"""From a model's config to the model."""

from __future__ import annotations

from scanml.errors import ModelError
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.models.scene_classifier import SceneClassifier
from scanml.models.scene_detector import SceneDetector
from scanml.structures.examples import LabelSpace

ModelConfig = SceneDetectorConfig | SceneClassifierConfig
SceneNetwork = SceneDetector | SceneClassifier


def build_model(config: ModelConfig, labels: LabelSpace) -> SceneNetwork:
    """A new model for the classes or triggers of `labels`.

    Raises:
        ModelError: `labels` has none of what this model tells apart.
    """
    if isinstance(config, SceneDetectorConfig):
        if not labels.class_names:
            raise ModelError("a detector needs classes, the data set has none; add instances.json with categories.")
        return SceneDetector(config, labels)
    if not labels.trigger_names:
        raise ModelError("a classifier needs triggers, the data set has none; add triggers.jsonl.")
    return SceneClassifier(config, labels)
