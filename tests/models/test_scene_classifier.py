import keras
import numpy as np
import pytest

from scanml.config import to_json
from scanml.errors import ModelError
from scanml.models import SceneClassifier, SceneClassifierConfig
from scanml.structures import LabelSpace

CONFIG = SceneClassifierConfig(size="tiny", image_size=(64, 96))


def classifier(count=2):
    return SceneClassifier(CONFIG, LabelSpace(trigger_names=tuple(f"trigger {i}" for i in range(count))))


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (3, 64, 96, 3)).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 4])
def test_one_logit_for_each_trigger(image, count):
    outputs = classifier(count)(image)
    assert outputs.keys() == {"trigger_logits"}
    assert outputs["trigger_logits"].shape == (3, count)


def test_temperature_divides_logits_at_inference_alone(image):
    model = classifier()
    before = np.asarray(model(image)["trigger_logits"])
    model.calibration.temperature.assign(2.0)
    np.testing.assert_allclose(np.asarray(model(image)["trigger_logits"]), before / 2, rtol=1e-6)  # one rounding
    logits = np.array([[1.0, -2.0]], np.float32)
    np.testing.assert_array_equal(np.asarray(model.calibration(logits, training=True)), logits)


def test_probabilities_are_the_sigmoid_of_calibrated_logits(image):
    model = classifier()
    model.calibration.temperature.assign(0.5)
    expected = 1 / (1 + np.exp(-np.asarray(model(image)["trigger_logits"], np.float64)))
    np.testing.assert_allclose(np.asarray(model.classify(image)), expected, rtol=1e-5)  # float32 exponential


def test_saved_and_loaded_it_says_the_same(image, tmp_path):
    model = classifier()
    model.calibration.temperature.assign(1.7)
    model.calibration.thresholds.assign([0.2, 0.9])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.scanml_config == CONFIG and loaded.labels == model.labels
    np.testing.assert_array_equal(np.asarray(loaded.calibration.thresholds), np.float32([0.2, 0.9]))
    np.testing.assert_array_equal(np.asarray(loaded.classify(image)), np.asarray(model.classify(image)))


def test_a_saved_model_does_not_ask_for_the_weights_it_started_from():
    config = {"config": to_json(SceneClassifierConfig(size="tiny", image_size=(64, 96), weights="imagenet"))}
    with pytest.raises(ModelError, match="weights"):
        SceneClassifier(SceneClassifierConfig(size="tiny", weights="imagenet"), LabelSpace(trigger_names=("sky",)))
    built = SceneClassifier.from_config(
        config | {"labels": to_json(LabelSpace(trigger_names=("sky",))), "name": "saved"}
    )
    assert built.scanml_config.weights is None


def test_what_a_trigger_implies_is_at_least_as_likely(image):
    names = ("cake", "cola", "drink", "food", "sky")
    parents = (("cake", "food"), ("cola", "drink"), ("drink", "food"))
    free = SceneClassifier(CONFIG, LabelSpace(trigger_names=names))
    bound = SceneClassifier(CONFIG, LabelSpace(trigger_names=names, trigger_parents=parents))
    free.calibration.temperature.assign(0.1)  # untrained logits lie close together
    free.get_layer("logits").bias.assign([0.3, 0.2, 0.1, 0.0, 0.0])
    bound.set_weights(free.get_weights())
    own, found = np.asarray(free.classify(image)), np.asarray(bound.classify(image))
    assert (own[:, 0] > own[:, 3]).any() or (own[:, 1] > own[:, 2]).any()  # else there is nothing to mend
    expected = own.copy()
    expected[:, 2] = own[:, [1, 2]].max(axis=1)
    expected[:, 3] = own[:, [0, 1, 2, 3]].max(axis=1)
    np.testing.assert_array_equal(found, expected)  # chosen, not computed: no tolerance
    np.testing.assert_array_equal(np.asarray(bound(image)["trigger_logits"]), np.asarray(free(image)["trigger_logits"]))
