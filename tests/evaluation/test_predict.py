"""Frames go to the reader batch by batch, and only what can read is let in."""

import subprocess
import sys

import numpy as np
import pytest
from oracles.fake_reader import FakeExamples, FakeReader
from oracles.random_scenes import random_scene

from scanml.errors import ModelError
from scanml.evaluation import as_reader, collect, measure, predict
from scanml.metrics import ImageTruth, TriggerTable
from scanml.structures import Boxes, LabelSpace


@pytest.fixture
def examples(rng):
    return FakeExamples(truths=tuple(random_scene(rng, num_images=7)[0]), class_names=("a", "b", "c"))


def test_every_frame_is_read_once_in_order_and_never_more_than_a_batch_at_once(examples):
    reader = FakeReader(("a",))
    readings = predict(reader, examples, batch_size=3)
    assert [reading.frame_id for reading in readings] == [f"{index}.jpg" for index in range(7)]
    assert reader.batches == [3, 3, 1]


def test_a_reader_that_loses_a_frame_is_refused(examples):
    reader = FakeReader(("a",))
    reader.read = lambda frames: []
    with pytest.raises(ModelError, match="received 0 for 7 frames"):
        predict(reader, examples)


def test_a_reader_stays_what_it_is_and_anything_else_is_refused():
    reader = FakeReader(("a",))
    assert as_reader(reader) is reader
    for stranger in (None, "model.keras", print):
        with pytest.raises(ModelError, match="expected a SceneDetector"):
            as_reader(stranger)


def test_keras_models_are_evaluated_as_they_are(rng):
    from scanml.models import SceneClassifier, SceneClassifierConfig, SceneDetector, SceneDetectorConfig

    present = rng.random((3, 2)) < 0.5
    table = TriggerTable(("sky", "drink"), np.zeros((3, 2)), present, np.ones((3, 2)))
    truth = ImageTruth(Boxes([[5, 5, 20, 30]], (48, 64)), [1], [False])
    examples = FakeExamples(class_names=("a", "b", "c"), truths=(truth,) * 3, table=table)
    labels = LabelSpace(("a", "b", "c"), (1, 2, 3), ("sky", "drink"))  # both models know of the whole label space
    detector = SceneDetector(SceneDetectorConfig(size="tiny", image_size=(64, 64)), labels)
    classifier = SceneClassifier(SceneClassifierConfig(size="tiny", image_size=(64, 64)), labels)
    assert as_reader(detector).labels == LabelSpace(("a", "b", "c"), (1, 2, 3))
    # At a threshold of 0 everything is accepted: precision is the share of positives, recall 1.
    classifier.calibration.thresholds.assign(np.zeros(2, np.float32))
    metrics = measure(collect(classifier, examples), num_resamples=5)
    share = present.mean(axis=0)
    for name, positives in zip(("sky", "drink"), share, strict=True):
        value = metrics[f"F1/{name}"].value
        assert value is None if positives == 0 else value == pytest.approx(2 * positives / (1 + positives))


def test_reading_reports_and_comparing_needs_no_framework():
    code = (
        "import sys; from scanml.evaluation import Page, Predictions, compare, data_page, evaluate, judge, "
        "read_predictions, write_predictions; assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules); "
        "assert callable(evaluate) and callable(compare)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
