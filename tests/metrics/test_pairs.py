import numpy as np
import pytest
from oracles.random_scenes import perfect_detections, random_scene

from scanml.errors import DataError
from scanml.metrics import ImageTruth, confusion, image_f1, mean_matched_iou, pair_up
from scanml.metrics.detection.pairs import IN_CROWD, SPURIOUS
from scanml.structures import Boxes, Detections

SIZE, NAMES = (100, 100), ("cat", "dog")
LEFT, RIGHT, FAR = [0, 0, 40, 40], [50, 0, 90, 40], [60, 60, 80, 80]


def truth(boxes, labels, crowd=None):
    return ImageTruth(Boxes(boxes, SIZE), labels, np.zeros(len(labels), bool) if crowd is None else crowd)


def found(boxes, labels, scores):
    return Detections(Boxes(boxes, SIZE), scores, labels, NAMES)


def test_the_best_score_takes_the_object_and_the_next_goes_without():
    pairing = pair_up(truth([LEFT], [0]), found([[0, 0, 40, 36], LEFT], [0, 0], [0.9, 0.8]))
    assert pairing.partner.tolist() == [0, SPURIOUS]
    np.testing.assert_allclose(pairing.iou, [0.9, 0])


def test_a_detection_takes_the_object_it_overlaps_most():
    pairing = pair_up(truth([[0, 0, 40, 30], LEFT], [0, 0]), found([LEFT, LEFT], [0, 0], [0.9, 0.8]))
    assert pairing.partner.tolist() == [1, 0]


def test_crowds_excuse_and_are_never_taken():
    pairing = pair_up(truth([[0, 0, 90, 90]], [0], [True]), found([LEFT, RIGHT, FAR], [0, 0, 1], [0.9, 0.8, 0.7]))
    assert pairing.partner.tolist() == [IN_CROWD, IN_CROWD, SPURIOUS]  # the last has another class


def test_confusion_by_hand():
    truths = [truth([LEFT, RIGHT], [0, 1]), truth([LEFT], [1]), truth([], [])]
    detections = [
        found([LEFT, FAR], [0, 0], [0.9, 0.8]),  # cat found, dog missed, a cat from nothing
        found([LEFT, LEFT], [0, 1], [0.9, 0.1]),  # dog taken for a cat; the right one is below the score
        found([FAR], [1], [0.5]),
    ]
    table = confusion(truths, detections, num_classes=2)
    np.testing.assert_array_equal(table, [[1, 0, 0], [1, 0, 1], [1, 1, 0]])


@pytest.mark.parametrize("seed", range(5))
def test_confusion_counts_every_object_and_every_scored_detection_once(seed):
    truths, detections = random_scene(np.random.default_rng(seed))
    table = confusion(truths, detections, num_classes=3)
    objects = np.concatenate([t.labels[~t.crowd] for t in truths])
    np.testing.assert_array_equal(table[:3].sum(axis=1), np.bincount(objects, minlength=3))
    partners = [pair_up(t, d, same_class=False).partner for t, d in zip(truths, detections, strict=True)]
    assert table[:, :3].sum() == sum(np.count_nonzero(p != IN_CROWD) for p in partners)


def test_image_f1_finds_best_and_worst():
    truths = [truth([LEFT, RIGHT], [0, 1])] * 4 + [truth([], [])] * 2
    detections = [
        found([LEFT, RIGHT], [0, 1], [0.9, 0.8]),
        found([LEFT], [0], [0.9]),
        found([LEFT, RIGHT, FAR], [0, 0, 1], [0.9, 0.8, 0.7]),  # one right of three, two objects
        Detections.empty(NAMES, image_size=SIZE),
        Detections.empty(NAMES, image_size=SIZE),
        found([FAR], [0], [0.3]),
    ]
    np.testing.assert_allclose(image_f1(truths, detections), [1, 2 / 3, 2 / 5, 0, 1, 0])


def test_mean_iou_is_over_matched_detections():
    truths = [truth([LEFT], [0]), truth([LEFT], [0]), truth([], [])]
    detections = [
        found([[0, 0, 40, 30], FAR], [0, 0], [0.9, 0.8]),
        found([LEFT], [0], [0.9]),
        Detections.empty(NAMES, image_size=SIZE),
    ]
    metric = mean_matched_iou(truths, detections, num_resamples=300)
    assert metric.value == pytest.approx((0.75 + 1) / 2)
    assert (metric.low, metric.high, metric.num_units) == (0.75, 1.0, 3)


def test_perfect_detections_overlap_fully_and_nothing_found_is_undefined(rng):
    truths, _ = random_scene(rng)
    assert mean_matched_iou(truths, perfect_detections(truths, num_classes=3)).value == 1
    assert mean_matched_iou([truth([LEFT], [0])], [found([FAR], [0], [0.9])]).value is None
    assert mean_matched_iou([], []).value is None


def test_a_truth_has_no_negative_label_or_area():
    with pytest.raises(DataError, match=r"ImageTruth\.labels must be at least 0, received -3"):
        ImageTruth(Boxes([[0, 0, 1, 1]], SIZE), [-3], [False])
    with pytest.raises(DataError, match=r"ImageTruth\.areas must be at least 0, received -5"):
        ImageTruth(Boxes([[0, 0, 1, 1]], SIZE), [0], [False], [-5])
