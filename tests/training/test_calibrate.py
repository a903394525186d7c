"""After training: what is fitted on validation, what is counted in training; parents are seen with children."""

import logging
from dataclasses import dataclass

import numpy as np
import pytest

from scanml.evaluation import predict
from scanml.metrics import TriggerTable, fit_temperature, trigger_thresholds
from scanml.models import SceneClassifier, SceneClassifierConfig, SceneModel
from scanml.structures import Frame, LabelSpace, SceneExample
from scanml.training.calibrate import calibrate, respect_parents

LABELS = LabelSpace(trigger_names=("cola", "drink", "sky"), trigger_parents=(("cola", "drink"),))


@dataclass
class Scenes:
    """Pictures of noise with the truth that is given."""

    present: np.ndarray
    known: np.ndarray

    def __len__(self):
        return len(self.present)

    def scene(self, index):
        pixels = np.random.default_rng(index).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        return SceneExample(Frame(pixels, str(index)), *self.trigger_arrays(index))

    def trigger_arrays(self, index):
        return self.present[index], self.known[index]


@pytest.fixture
def model():
    return SceneClassifier(SceneClassifierConfig(size="tiny", image_size=(64, 64)), LABELS)


@pytest.fixture
def scenes(rng):
    present = rng.random((12, 3)) < 0.5
    present[:, 1] |= present[:, 0]
    return Scenes(present, rng.random((12, 3)) < 0.8)


def test_temperature_and_thresholds_are_those_of_the_metrics(model, scenes):
    raw = np.stack([r.triggers.scores for r in predict(SceneModel(classifier=model), scenes)]).astype(float)
    logits = np.log(raw / (1 - raw))
    calibrate(model, train=scenes, validation=scenes)
    temperature = fit_temperature(logits, scenes.present, known=scenes.known)
    assert float(model.calibration.temperature) == pytest.approx(temperature, rel=1e-6)
    scores = 1 / (1 + np.exp(-logits / temperature))
    expected = trigger_thresholds(TriggerTable(LABELS.trigger_names, scores, scenes.present, scenes.known))
    expected[0] = max(expected[:2])
    np.testing.assert_allclose(np.asarray(model.calibration.thresholds), expected, rtol=1e-6)  # float32
    shown = (scenes.present & scenes.known).sum(axis=0)
    np.testing.assert_array_equal(np.asarray(model.calibration.positives), shown)


def test_with_nothing_known_in_validation_nothing_is_fitted_and_that_is_said(model, scenes, caplog):
    with caplog.at_level(logging.WARNING):
        calibrate(model, train=scenes, validation=Scenes(scenes.present, np.zeros((12, 3), bool)))
    assert "no trigger is known in validation" in caplog.text
    assert float(model.calibration.temperature) == 1
    np.testing.assert_array_equal(np.asarray(model.calibration.thresholds), [0.5, 0.5, 0.5])


def test_who_sees_a_child_sees_its_parents(rng):
    names = tuple("abcde")
    parents = (("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))
    labels = LabelSpace(trigger_names=names, trigger_parents=parents)
    for _ in range(20):
        own = rng.random(5)
        found = dict(zip(names, respect_parents(own, labels), strict=True))
        assert all(found[child] >= found[parent] for child, parent in parents)
        assert found["d"] == own[3] and found["e"] == own[4]  # nothing is implied by them
        np.testing.assert_array_equal(respect_parents(np.array([*found.values()]), labels), [*found.values()])
