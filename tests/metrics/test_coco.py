import numpy as np
import pytest
from oracles.coco import coco_evaluation
from oracles.random_scenes import SIZE, perfect_detections, random_scene

from scanml.errors import DataError
from scanml.metrics import ImageTruth, detection_metrics, match, paired_difference, resample_weights
from scanml.structures import Boxes, Detections

EXACT = {"rtol": 0, "atol": 1e-12}  # same integers, same divisions; only the order of summation differs


def assert_same(numbers, expected):
    assert list(numbers) == list(expected)
    np.testing.assert_allclose(list(numbers.values()), list(expected.values()), **EXACT)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ties", [False, True])
def test_once_per_image_is_pycocotools(seed, ties):
    truths, detections = random_scene(np.random.default_rng(seed), ties=ties)
    expected, precision = coco_evaluation(truths, detections, num_classes=3)
    matches = match(truths, detections, num_classes=3)
    assert 0 < expected["AP"] < 1
    assert_same(matches.summarize(), expected)
    per_class = matches.per_class()
    np.testing.assert_allclose(per_class["AP"], precision[:, :, :, 0, 2].mean(axis=(0, 1)), **EXACT)
    np.testing.assert_allclose(per_class["AP50"], precision[0, :, :, 0, 2].mean(axis=0), **EXACT)
    for iou, index in ((0.5, 0), (0.75, 5), (0.95, 9)):
        curve, recall = matches.precision_recall(iou)
        np.testing.assert_allclose(curve, precision[index, :, :, 0, 2].T, **EXACT)
        np.testing.assert_array_equal(recall, np.linspace(0, 1, 101))


@pytest.mark.parametrize("seed", range(8))
def test_weights_repeat_images(seed):
    rng = np.random.default_rng(seed)
    truths, detections = random_scene(rng, num_images=8)
    weights = rng.integers(0, 4, 8)
    order = np.repeat(np.arange(8), weights)
    repeated = [truths[i] for i in order], [detections[i] for i in order]
    matches = match(truths, detections, num_classes=3)
    assert_same(matches.summarize(weights), coco_evaluation(*repeated, num_classes=3)[0])


def test_at_most_a_hundred_detections_of_a_class_count(rng):
    truths, detections = random_scene(rng, num_classes=2, num_images=3, most_detections=260)
    most = max(np.count_nonzero(found.labels == 0) for found in detections)
    assert most > 100
    expected, _ = coco_evaluation(truths, detections, num_classes=2)
    assert_same(match(truths, detections, num_classes=2).summarize(), expected)


def test_a_hundred_and_first_detection_is_not_seen():
    names, truth_box = ("a",), [10, 10, 60, 60]
    truth = ImageTruth(Boxes([truth_box], SIZE), [0], [False])
    boxes = [[300, 300, 340, 340]] * 100 + [truth_box]
    found = Detections(Boxes(boxes, SIZE), np.linspace(1, 0.1, 101), np.zeros(101), names)
    assert match([truth], [found], num_classes=1).summarize()["AR100"] == 0
    assert match([truth], [found.above(0.5)], num_classes=1).summarize()["AP"] == 0


def test_all_resamples_at_once_are_each_alone(rng):
    truths, detections = random_scene(rng)
    matches = match(truths, detections, num_classes=3)
    weights = resample_weights(12, num_resamples=20, seed=3)
    together = matches.accumulate(weights).summary()
    for row in range(20):
        assert_same({name: values[row] for name, values in together.items()}, matches.summarize(weights[row]))


def test_perfect_detections_score_one(rng):
    truths, _ = random_scene(rng, num_images=30)
    numbers = match(truths, perfect_detections(truths, num_classes=3), num_classes=3).summarize()
    assert all(numbers[name] == pytest.approx(1, abs=1e-12) for name in numbers if name not in ("AR1", "AR10"))


def test_nothing_found_is_zero_and_nothing_to_find_undefined(rng):
    truths, detections = random_scene(rng)
    none = [Detections.empty(("a", "b", "c"), image_size=SIZE)] * len(truths)
    assert match(truths, none, num_classes=3).summarize()["AP"] == 0
    bare = [ImageTruth(Boxes([], SIZE), [], [])] * len(truths)
    assert np.isnan(list(match(bare, detections, num_classes=3).summarize().values())).all()
    assert np.isnan(list(match([], [], num_classes=3).summarize().values())).all()


def test_a_class_without_objects_is_undefined(rng):
    truths, detections = random_scene(rng)
    ap = match(truths, detections, num_classes=3).per_class()["AP"]
    np.testing.assert_array_equal(np.isnan(ap), [False, False, True])


def test_metrics_carry_interval_and_number_of_images(rng):
    truths, detections = random_scene(rng, num_images=20)
    metrics = detection_metrics(match(truths, detections, num_classes=3), ("a", "b", "c"), num_resamples=200)
    assert len(metrics) == 12 + 2 * 3
    assert {metric.num_units for metric in metrics.values()} == {20}
    overall = metrics["AP"]
    assert overall.low < overall.value < overall.high
    assert metrics["AP/c"].value is None
    assert metrics["AP/c"].low is None
    again = detection_metrics(match(truths, detections, num_classes=3), ("a", "b", "c"), num_resamples=200)
    assert again == metrics


def test_the_same_images_make_a_pair(rng):
    """A model that drops detections is surely worse in the paired interval, though the two intervals overlap."""
    truths, detections = random_scene(rng, num_images=25)
    perfect = perfect_detections(truths, num_classes=3)
    weights = resample_weights(25, num_resamples=200)
    full = match(truths, perfect, num_classes=3).accumulate(weights).summary()["AP"]
    worse = match(truths, detections, num_classes=3).accumulate(weights).summary()["AP"]
    assert paired_difference(worse, full).at_most < 0
    assert paired_difference(full, full).at_least == 0


def test_what_does_not_belong_together_is_refused(rng):
    truths, detections = random_scene(rng)
    with pytest.raises(DataError, match="one Detections per image"):
        match(truths, detections[1:], num_classes=3)
    with pytest.raises(DataError, match="labels must lie in 0…0"):
        match(truths, detections, num_classes=1)
    other = [Detections.empty(("a",), image_size=(10, 10))] * len(truths)
    with pytest.raises(DataError, match=r"\(10, 10\)"):
        match(truths, other, num_classes=3)
    matches = match(truths, detections, num_classes=3)
    with pytest.raises(DataError, match="weights must be"):
        matches.summarize(np.ones(5, int))
    with pytest.raises(DataError, match="not negative"):
        matches.summarize(-np.ones(len(truths), int))
    with pytest.raises(DataError, match="expected an IoU"):
        matches.precision_recall(0.52)
    with pytest.raises(DataError, match="class names"):
        detection_metrics(matches, ("a",))
