from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from oracles.tiny_scene import LABELS, textured, tiny_model

from scanml.errors import ModelError
from scanml.models import SceneModel
from scanml.ops.image import letterbox
from scanml.structures import Frame, LabelSpace


@pytest.fixture(scope="module")
def model() -> SceneModel:
    return tiny_model()


def make_frames(rng, count: int) -> list[Frame]:
    sizes = rng.integers(20, 250, (count, 2)).tolist()
    return [Frame(textured(rng, *size), f"frame-{i}") for i, size in enumerate(sizes)]


def test_the_answer_is_the_networks_answer_scaled_back_and_clipped(model, rng):
    pixels = textured(rng, 150, 111)
    answer = {name: ops.convert_to_numpy(value) for name, value in model.from_pixels(pixels).items()}
    canvas, scales = letterbox(pixels, (64, 96))
    found = {name: ops.convert_to_numpy(value)[0] for name, value in model.detector.detect(canvas[None]).items()}
    count = int(found["num_detections"])
    assert count > 10 and answer["num_detections"] == count
    for box, raw in zip(answer["boxes"][:count], found["boxes"], strict=False):
        expected = [min(max(side / float(scales[i % 2]), 0), (111, 150)[i % 2]) for i, side in enumerate(raw)]
        np.testing.assert_allclose(box, expected, atol=1e-3)  # px; float32 rounding of sides up to 150
    np.testing.assert_allclose(answer["scores"], found["scores"], atol=1e-6)
    logits = model.classifier(letterbox(pixels, (96, 64))[0][None])["trigger_logits"][0]
    sky, drink = 1 / (1 + np.exp(-ops.convert_to_numpy(logits).astype(np.float64)))
    expected = [max(sky, drink), drink]  # what a trigger implies is at least as likely
    np.testing.assert_allclose(answer["trigger_probabilities"], expected, atol=1e-6)


def test_frames_of_all_sizes_are_read_in_order_as_one_by_one(model, rng):
    frames = make_frames(rng, 19)  # more than one batch
    readings = model.read(frames)
    assert [reading.frame_id for reading in readings] == [frame.frame_id for frame in frames]
    for frame, reading in list(zip(frames, readings, strict=True))[::6]:
        alone = {name: ops.convert_to_numpy(value) for name, value in model.from_pixels(frame.pixels).items()}
        assert reading.detections.boxes.image_size == frame.size
        assert len(reading.detections) == alone["num_detections"]
        # Another batch size, other kernels: rounding only.
        np.testing.assert_allclose(reading.triggers.scores, alone["trigger_probabilities"], atol=1e-4)
        np.testing.assert_allclose(reading.detections.scores, alone["scores"][: len(reading.detections)], atol=1e-4)


def test_labels_are_those_of_both_networks(model):
    assert model.labels == LABELS


def test_without_a_network_its_part_of_the_answer_has_size_0(model, rng):
    frames = make_frames(rng, 1)
    [reading] = SceneModel(detector=model.detector).read(frames)
    assert reading.triggers.names == () and len(reading.detections)
    only = SceneModel(classifier=model.classifier)
    [reading] = only.read(frames)
    assert len(reading.detections) == 0 and len(reading.triggers.scores) == 2
    assert only.from_pixels(frames[0].pixels)["boxes"].shape == (0, 4)
    assert only.labels == LabelSpace(trigger_names=LABELS.trigger_names, trigger_parents=LABELS.trigger_parents)


def test_no_frames_give_no_readings(model):
    assert model.read([]) == []


def test_neither_network_is_refused():
    with pytest.raises(ModelError, match="needs a detector, a classifier or both"):
        SceneModel()
