import keras
import numpy as np
import pytest
from oracles.tiny_scene import tiny_model

from scanml.config import to_json
from scanml.errors import ConfigError, ModelError
from scanml.models import SceneDetector, SceneDetectorConfig
from scanml.structures import LabelSpace
from scanml.structures.batches import DETECTOR_OUTPUT

CONFIG = SceneDetectorConfig(size="tiny", image_size=(64, 96))
LOCATIONS = 8 * 12 + 4 * 6 + 2 * 3


def labels(count):
    return LabelSpace(tuple(f"class {i}" for i in range(count)), tuple(range(1, count + 1)))


def pictures(rng, count=2):
    return rng.integers(0, 256, (count, 64, 96, 3)).astype(np.uint8)


@pytest.mark.parametrize("num_classes", [1, 3])
def test_outputs_have_the_shapes_of_the_specification(rng, num_classes):
    outputs = SceneDetector(CONFIG, labels(num_classes))(pictures(rng))
    axes = {"B": 2, "P": LOCATIONS, "C": num_classes, "4": 4, "R": CONFIG.num_bins}
    assert outputs.keys() == DETECTOR_OUTPUT.keys()
    for name, field in DETECTOR_OUTPUT.items():
        assert outputs[name].shape == tuple(axes[axis] for axis in field.axes.split())
        assert keras.backend.standardize_dtype(outputs[name].dtype) == field.dtype


def test_before_training_scores_are_the_prior_and_boxes_four_strides_wide(rng):
    model = SceneDetector(CONFIG, labels(2))
    outputs = model(pictures(rng))
    scores = 1 / (1 + np.exp(-np.asarray(outputs["class_logits"])))
    assert np.median(scores) == pytest.approx(0.01, rel=0.5)
    boxes = np.asarray(model.decode(outputs))
    assert np.median((boxes[..., 2] - boxes[..., 0]) / model.strides) == pytest.approx(4, rel=0.2)


def test_detections_are_sorted_and_counted(rng):
    found = {k: np.asarray(v) for k, v in tiny_model(classifier=False).detector.detect(pictures(rng)).items()}
    assert found["boxes"].shape == (2, 100, 4)
    for scores, count in zip(found["scores"], found["num_detections"], strict=True):
        assert (np.diff(scores) <= 0).all()
        assert (scores > 0).sum() == count > 0


def test_saved_and_loaded_it_says_the_same(rng, tmp_path):
    model = SceneDetector(CONFIG, labels(3))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.scanml_config == CONFIG and loaded.labels == labels(3)
    image = pictures(rng)
    for name, value in model(image).items():
        np.testing.assert_array_equal(np.asarray(loaded(image)[name]), np.asarray(value))


@pytest.mark.parametrize("image_size", [(60, 64), (32, 64), (0, 0)])
def test_an_image_size_that_does_not_halve_five_times_is_refused(image_size):
    with pytest.raises(ConfigError, match="multiples of 32, at least 64"):
        SceneDetectorConfig(image_size=image_size)


def test_a_saved_model_does_not_ask_for_the_weights_it_started_from():
    config = {"config": to_json(SceneDetectorConfig(size="tiny", image_size=(64, 96), weights="imagenet"))}
    with pytest.raises(ModelError, match="weights"):
        SceneDetector(SceneDetectorConfig(size="tiny", weights="imagenet"), labels(2))
    built = SceneDetector.from_config(config | {"labels": to_json(labels(2)), "name": "saved"})
    assert built.scanml_config.weights is None
