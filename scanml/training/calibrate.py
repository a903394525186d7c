"""What is chosen after training, on validation alone: the temperature and the threshold of the triggers."""

from __future__ import annotations

import logging

import numpy as np

from scanml.evaluation.predict import predict
from scanml.metrics import TriggerTable, best_threshold, fit_temperature
from scanml.models.scene_classifier import SceneClassifier
from scanml.models.scene_model import SceneModel
from scanml.structures.examples import ExampleSet

_CLIP = 1e-7  # float32 probabilities next to 0 and 1 have no finite logit

_log = logging.getLogger(__name__)


def calibrate(model: SceneClassifier, validation: ExampleSet) -> None:
    """Fit `model.calibration` on the known triggers of `validation`; with nothing known it stays as it is."""
    scenes = [validation.trigger_arrays(index) for index in range(len(validation))]
    present, known = (np.stack(arrays) for arrays in zip(*scenes, strict=True))
    if not known.any():
        _log.warning("no trigger is known in validation: probabilities stay uncalibrated, the threshold stays 0.5.")
        return
    readings = predict(SceneModel(classifier=model), validation)
    raw = np.clip(np.stack([reading.triggers.scores for reading in readings]).astype(np.float64), _CLIP, 1 - _CLIP)
    logits = np.log(raw / (1 - raw))
    temperature = fit_temperature(logits, present, known=known)
    table = TriggerTable(model.labels.trigger_names, 1 / (1 + np.exp(-logits / temperature)), present, known)
    model.calibration.temperature.assign(temperature)
    model.calibration.thresholds.assign(np.full(len(table.names), best_threshold(table), np.float32))
