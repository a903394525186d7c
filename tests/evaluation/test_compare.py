"""The interval of a difference against a loop that repeats images, evaluates twice, and subtracts."""

import numpy as np
import pytest
from oracles.coco import coco_evaluation
from oracles.fake_reader import FakeExamples, FakeReader
from oracles.random_scenes import perfect_detections, random_scene
from sklearn.metrics import average_precision_score

from scanml.errors import DataError
from scanml.evaluation import collect, compare
from scanml.metrics import ImageTruth, TriggerTable, resample_weights
from scanml.structures import Detections

CLASSES = ("class 0", "class 1", "class 2")


def two_detectors(rng):
    truths, found = random_scene(rng, num_images=10)
    truths = [ImageTruth(truth.boxes, truth.labels, truth.crowd) for truth in truths]
    examples = FakeExamples(CLASSES, tuple(truths))
    perfect = [Detections(d.boxes, d.scores, d.labels, CLASSES) for d in perfect_detections(truths, num_classes=3)]
    return [collect(FakeReader(CLASSES, one), examples) for one in (perfect, found)]


def naive_average_precisions(predictions, weights):
    values = []
    for counts in weights:
        rows = np.repeat(np.arange(len(counts)), counts)
        truths = [predictions.found.truths[row] for row in rows]
        found = [predictions.found.detections[row] for row in rows]
        values.append(coco_evaluation(truths, found, num_classes=3)[0]["AP"])
    return np.array(values)


def test_detectors_differ_as_a_naive_loop_says(rng):
    candidate, baseline = two_detectors(rng)
    difference = compare(candidate, baseline, ["AP", "IoU"], num_resamples=25, seed=4)["AP"]
    weights = resample_weights(10, num_resamples=25, seed=4)
    naive = naive_average_precisions(candidate, weights) - naive_average_precisions(baseline, weights)
    assert (difference.low, difference.high) == pytest.approx(np.quantile(naive, [0.025, 0.975]), abs=1e-12)
    assert (difference.at_least, difference.at_most) == pytest.approx(np.quantile(naive, [0.05, 0.95]), abs=1e-12)
    assert difference.low > 0 and difference.num_resamples == 25
    reverse = compare(baseline, candidate, ["AP"], num_resamples=25, seed=4)["AP"]
    assert (reverse.low, reverse.high) == pytest.approx((-difference.high, -difference.low), abs=1e-12)


def test_classifiers_differ_as_a_naive_loop_says(rng):
    present = rng.random((30, 1)) < 0.5
    table = TriggerTable(("sky",), np.zeros((30, 1)), present, np.ones((30, 1)))
    scores = [np.clip(rng.normal(0.3 + gap * present, 0.25), 0, 1).astype(np.float32) for gap in (0.4, 0.1)]
    candidate, baseline = (
        collect(FakeReader(trigger_names=("sky",), scores=one), FakeExamples(table=table)) for one in scores
    )
    difference = compare(candidate, baseline, ["AP/sky"], num_resamples=60)["AP/sky"]
    naive = []
    for counts in resample_weights(30, num_resamples=60):
        ours, theirs = (average_precision_score(present[:, 0], one[:, 0], sample_weight=counts) for one in scores)
        naive.append(ours - theirs)
    assert (difference.low, difference.high) == pytest.approx(np.quantile(naive, [0.025, 0.975]), abs=1e-12)


def test_groups_are_those_of_the_candidates_training(rng):
    present = rng.random((40, 2)) < 0.5
    table = TriggerTable(("sky", "cup"), np.zeros((40, 2)), present, np.ones((40, 2)))
    scores = [np.clip(rng.normal(0.3 + 0.3 * present, 0.25), 0, 1).astype(np.float32) for _ in range(2)]
    readers = [FakeReader(trigger_names=table.names, scores=one) for one in scores]
    readers[0].train_positives = {"sky": 200.0, "cup": 3.0}
    candidate, baseline = (collect(reader, FakeExamples(table=table)) for reader in readers)
    found = compare(candidate, baseline, ["mAP/tail", "AP/cup"], num_resamples=30)
    assert found["mAP/tail"] == found["AP/cup"]
    with pytest.raises(DataError, match="no metric 'mAP/tail'"):
        compare(baseline, candidate, ["mAP/tail"], num_resamples=5)


def test_a_model_does_not_differ_from_itself(rng):
    candidate, _ = two_detectors(rng)
    difference = compare(candidate, candidate, ["AP50"], num_resamples=20)["AP50"]
    assert (difference.low, difference.high, difference.at_least) == (0, 0, 0)


def test_other_test_sets_and_unknown_metrics_are_refused(rng):
    candidate, baseline = two_detectors(rng)
    with pytest.raises(DataError, match="no metric 'Ap50'; did you mean 'AP50'"):
        compare(candidate, baseline, ["Ap50"], num_resamples=5)
    truths, found = random_scene(rng, num_images=10)
    other = collect(FakeReader(CLASSES, found), FakeExamples(CLASSES, tuple(truths)))
    with pytest.raises(DataError) as refusal:
        compare(candidate, other, ["AP"], num_resamples=5)
    assert candidate.test_fingerprint in str(refusal.value) and other.test_fingerprint in str(refusal.value)
