"""What is chosen after training, on validation alone: the temperature and the thresholds of the triggers."""

from __future__ import annotations

import logging

import numpy as np

from scanml.evaluation.predict import predict
from scanml.metrics import TriggerTable, fit_temperature, trigger_thresholds
from scanml.models.scene_classifier import SceneClassifier
from scanml.models.scene_model import SceneModel
from scanml.structures.arrays import Bools, Doubles
from scanml.structures.examples import ExampleSet, LabelSpace

_CLIP = 1e-7  # float32 probabilities next to 0 and 1 have no finite logit

_log = logging.getLogger(__name__)


def calibrate(model: SceneClassifier, *, train: ExampleSet, validation: ExampleSet) -> None:
    """Fit `model.calibration` on the known triggers of `validation`, and count those present in `train`.

    With nothing known in validation, temperature and thresholds stay as they are.
    """
    present, known = _truth(train)
    model.calibration.positives.assign((present & known).sum(axis=0).astype(np.float32))
    present, known = _truth(validation)
    if not known.any():
        _log.warning("no trigger is known in validation: probabilities stay uncalibrated, the thresholds stay 0.5.")
        return
    readings = predict(SceneModel(classifier=model), validation)
    raw = np.clip(np.stack([reading.triggers.scores for reading in readings]).astype(np.float64), _CLIP, 1 - _CLIP)
    logits = np.log(raw / (1 - raw))
    temperature = fit_temperature(logits, present, known=known)
    table = TriggerTable(model.labels.trigger_names, 1 / (1 + np.exp(-logits / temperature)), present, known)
    model.calibration.temperature.assign(temperature)
    thresholds = respect_parents(trigger_thresholds(table), model.labels)
    model.calibration.thresholds.assign(thresholds.astype(np.float32))


def respect_parents(thresholds: Doubles, labels: LabelSpace) -> Doubles:
    """The thresholds (T,), none below that of what its trigger implies: who sees a child then sees its parents too.

    The child's moves and not the parent's, for it was chosen on fewer positives.
    """
    own = dict(zip(labels.trigger_names, thresholds.tolist(), strict=True))
    return np.array(
        [max([own[name], *(own[above] for above in implied)]) for name, implied in labels.implied().items()]
    )


def _truth(examples: ExampleSet) -> tuple[Bools, Bools]:
    """(present, known), each (N, T)."""
    present, known = zip(*(examples.trigger_arrays(index) for index in range(len(examples))), strict=True)
    return np.stack(present), np.stack(known)
