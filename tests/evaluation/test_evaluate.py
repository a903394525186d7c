"""Numbers against pycocotools and scikit-learn, names against names, and what a model must be able to do."""

import logging

import numpy as np
import pytest
from oracles.coco import NAMES as COCO_NAMES
from oracles.coco import coco_evaluation
from oracles.fake_reader import FakeExamples, FakeReader
from oracles.random_scenes import SIZE, perfect_detections, random_scene
from sklearn.metrics import average_precision_score, f1_score

from scanml.errors import DataError, ModelError
from scanml.evaluation import collect, evaluate, judge, measure
from scanml.metrics import ImageTruth, TriggerTable
from scanml.structures import Boxes, Detections

CLASSES = ("class 0", "class 1", "class 2")
TRIGGERS = ("sky", "drink", "never")


def random_table(rng, *, num_images=30):
    present = rng.random((num_images, 3)) < [0.5, 0.3, 0.0]
    scores = np.clip(rng.normal(0.3 + 0.3 * present, 0.25), 0, 1).astype(np.float32)
    return TriggerTable(TRIGGERS, scores, present, rng.random((num_images, 3)) < 0.8)


def scene(rng, **options):
    """(examples, reader) of a detector that is sometimes right."""
    truths, found = random_scene(rng, **options)
    truths = [ImageTruth(truth.boxes, truth.labels, truth.crowd) for truth in truths]  # examples have no other areas
    return FakeExamples(CLASSES, tuple(truths)), FakeReader(CLASSES, found)


@pytest.mark.parametrize("seed", range(3))
def test_a_detectors_numbers_are_those_of_pycocotools(seed):
    examples, reader = scene(np.random.default_rng(seed), num_images=15)
    metrics = measure(collect(reader, examples), num_resamples=30)
    kept = [d.above(0.001) for d in reader.detections]
    expected, precision = coco_evaluation(examples.truths, kept, num_classes=3)
    for name in COCO_NAMES:
        value = metrics[name].value
        assert value is None if np.isnan(expected[name]) else value == pytest.approx(expected[name], abs=1e-12)
    for label, name in enumerate(CLASSES):
        average, at_half = precision[:, :, label, 0, 2].mean(), precision[0, :, label, 0, 2].mean()
        for metric, oracle in ((f"AP/{name}", average), (f"AP50/{name}", at_half)):
            value = metrics[metric].value
            assert value is None if np.isnan(oracle) else value == pytest.approx(oracle, abs=1e-12)
    assert metrics["AP"].low <= metrics["AP"].value <= metrics["AP"].high and metrics["AP"].num_units == 15
    assert set(metrics) == {*COCO_NAMES, "IoU"} | {f"{kind}/{name}" for kind in ("AP", "AP50") for name in CLASSES}


def test_a_classifiers_numbers_are_those_of_scikit_learn(rng):
    table = random_table(rng)
    examples = FakeExamples(table=table)
    reader = FakeReader(trigger_names=TRIGGERS, scores=table.scores, thresholds={"sky": 0.3, "drink": 0.6})
    metrics = measure(collect(reader, examples), num_resamples=30)
    precisions, f1s = [], []
    for column, threshold in enumerate((0.3, 0.6)):
        known = table.known[:, column]
        present, scores = table.present[known, column], table.scores[known, column]
        precisions.append(average_precision_score(present, scores))
        f1s.append(f1_score(present, scores >= threshold))
        name = TRIGGERS[column]
        assert metrics[f"AP/{name}"].value == pytest.approx(precisions[-1], abs=1e-12)
        assert metrics[f"AP/{name}"].num_units == known.sum()
    assert metrics["mAP"].value == pytest.approx(np.mean(precisions), abs=1e-12)
    assert metrics["F1"].value == pytest.approx(np.mean(f1s), abs=1e-12)
    assert metrics["AP/never"].value is None
    assert 0 < metrics["ECE"].value < 1


def test_a_reader_that_knows_its_training_counts_is_judged_by_groups(rng):
    table = random_table(rng)
    reader = FakeReader(trigger_names=TRIGGERS, scores=table.scores)
    plain = measure(collect(reader, FakeExamples(table=table)), num_resamples=30)
    reader.train_positives = {"drink": 4.0, "sky": 500.0, "moon": 9.0}
    predictions = collect(reader, FakeExamples(table=table))
    assert predictions.found.table.train_positives.tolist() == [500, 4, 0]
    metrics = measure(predictions, num_resamples=30)
    assert metrics["mAP/head"].value == plain["AP/sky"].value and metrics["mAP/tail"].value == plain["AP/drink"].value
    assert metrics["mAP/medium"].value is None
    assert {name: metrics[name] for name in plain} == plain


def test_without_thresholds_of_its_own_a_reader_is_judged_at_a_half(rng):
    table = random_table(rng)
    found = collect(FakeReader(trigger_names=TRIGGERS, scores=table.scores), FakeExamples(table=table)).found
    np.testing.assert_array_equal(found.thresholds, [0.5, 0.5, 0.5])


def test_classes_meet_by_name(rng, caplog):
    examples, reader = scene(rng)
    shuffled = ("unheard of", "class 2", "class 0")  # no class 1
    own = {"class 0": 2, "class 2": 1}
    translated = []
    for found in reader.detections:
        labels = np.array([own.get(name, 0) for name in found.label_names()], int)
        translated.append(Detections(found.boxes, found.scores, labels, shuffled))
    with caplog.at_level(logging.WARNING):
        predictions = collect(FakeReader(shuffled, translated), examples)
    assert "class 1" in caplog.text
    for ours, original in zip(predictions.found.detections, reader.detections, strict=True):
        keep = (original.labels != 1) & (original.scores >= 0.001)
        assert ours.names == CLASSES
        np.testing.assert_array_equal(ours.labels, original.labels[keep])
        np.testing.assert_array_equal(ours.boxes.xyxy, original.boxes.xyxy[keep])


def test_triggers_meet_by_name(rng):
    table = random_table(rng)
    reader = FakeReader(trigger_names=("cat", "drink"), scores=table.scores[:, :2])
    scores = collect(reader, FakeExamples(table=table)).found.table.scores
    np.testing.assert_array_equal(scores[:, 1], table.scores[:, 1])
    assert not scores[:, [0, 2]].any()


def test_without_any_object_average_precision_is_undefined():
    truths = tuple(ImageTruth(Boxes([], SIZE), [], []) for _ in range(4))
    found = [Detections(Boxes([[0, 0, 9, 9]], SIZE), [0.9], [0], CLASSES)] * 4
    report = evaluate(FakeReader(CLASSES, found), FakeExamples(CLASSES, truths), num_resamples=10)
    assert len(report.metrics) == 19 and all(metric.value is None for metric in report.metrics.values())
    assert "undefined on this test set: AP, AP50, AR100, IoU" in report.page


def test_one_class_found_exactly_is_perfect():
    truths = tuple(ImageTruth(Boxes([[5, 5, 60, 60]], SIZE), [0], [False]) for _ in range(3))
    reader = FakeReader(("cell",), perfect_detections(truths, num_classes=1))
    reader.detections = [Detections(d.boxes, d.scores, d.labels, ("cell",)) for d in reader.detections]
    metrics = measure(collect(reader, FakeExamples(("cell",), truths)), num_resamples=10)
    for name in ("AP", "AP50", "AR100", "IoU", "AP/cell"):
        assert (metrics[name].value, metrics[name].low) == (1.0, 1.0)


def test_test_images_that_were_trained_on_are_counted(rng):
    examples, reader = scene(rng)
    predictions = collect(reader, examples, trained_on=["hash-3", "hash-0", "elsewhere", "hash-3"])
    assert predictions.num_leaked == 2
    assert [image.file_name for image in predictions.images[:2]] == ["0.jpg", "1.jpg"]
    assert [image.image_id for image in predictions.images[:2]] == [100, 101]
    report = judge(predictions, num_resamples=10)
    assert report.num_leaked == 2 and report.test_fingerprint == predictions.test_fingerprint


def test_the_task_is_asked_for_only_where_a_model_does_both(rng):
    table = random_table(rng, num_images=12)
    examples, reader = scene(rng)
    examples.table = table
    both = FakeReader(CLASSES, reader.detections, TRIGGERS, table.scores)
    with pytest.raises(ModelError, match="does both; name the task"):
        collect(both, examples)
    assert collect(both, examples, task="classifier").names == TRIGGERS
    assert collect(both, examples, task="detector").names == CLASSES
    with pytest.raises(ModelError, match="without classes and triggers"):
        collect(FakeReader(), examples)
    with pytest.raises(ModelError, match="trigger names"):
        collect(reader, examples, task="classifier")


def test_pictures_of_another_test_set_are_refused(rng):
    examples, reader = scene(rng)
    predictions = collect(reader, examples)
    other = FakeExamples(CLASSES, examples.truths[:5])
    with pytest.raises(DataError, match="the same test set"):
        judge(predictions, examples=other, num_resamples=5)
