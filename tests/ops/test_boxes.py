import numpy as np
import pytest
from oracles.suppression import greedy_nms

from scanml.metrics import pairwise_iou as measured_iou
from scanml.ops import boxes as ops

FLOAT32 = 1e-5  # a handful of float32 operations on numbers up to 100, relative to areas of at least 1


def random_boxes(rng, *shape):
    corner = rng.uniform(0, 60, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(2, 40, (*shape, 2))], axis=-1).astype(np.float32)


def naive_giou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return shared / union - (hull - union) / hull


def test_iou_of_every_pair_is_that_of_the_metrics(rng):
    a, b = random_boxes(rng, 3, 7), random_boxes(rng, 3, 5)
    expected = [measured_iou(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(np.asarray(ops.pairwise_iou(a, b)), expected, rtol=0, atol=FLOAT32)


def test_giou_one_by_one(rng):
    a, b = random_boxes(rng, 40).astype(np.float64), random_boxes(rng, 40).astype(np.float64)
    expected = [naive_giou(x, y) for x, y in zip(a, b, strict=True)]
    found = ops.generalized_iou(a.astype(np.float32), b.astype(np.float32))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("box", [[5, 5, 5, 5], [9, 9, 3, 3]], ids=["empty", "inverted"])
def test_boxes_without_area_overlap_nothing(box):
    boxes = np.array([box], np.float32)
    assert float(ops.areas(boxes)[0]) == 0
    assert float(ops.pairwise_iou(boxes, boxes)[0, 0]) == 0
    assert np.isfinite(np.asarray(ops.generalized_iou(boxes, boxes))).all()


def test_no_boxes_have_their_shape():
    assert ops.pairwise_iou(np.zeros((2, 0, 4), np.float32), np.zeros((2, 3, 4), np.float32)).shape == (2, 0, 3)


def test_clipping_cuts_each_box_to_its_own_image():
    boxes = np.array([[[-5, -6, 50, 60]], [[-5, -6, 50, 60]]], np.float32)
    height, width = np.array([[40], [70]]), np.array([[30], [20]])
    clipped = np.asarray(ops.clip(boxes, height=height, width=width))
    np.testing.assert_array_equal(clipped[:, 0], [[0, 0, 30, 40], [0, 0, 20, 60]])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("vote_iou", [1.0, 0.3])
def test_nms_keeps_what_the_sequential_algorithm_keeps(rng, ties, vote_iou):
    limits = {"max_detections": 12, "max_candidates": 90, "iou_threshold": 0.4, "vote_iou": vote_iou}
    boxes = random_boxes(rng, 4, 60)
    scores = rng.random((4, 60, 3)).astype(np.float32)
    if ties:
        scores = np.round(scores * 4) / 4
    found = {name: np.asarray(value) for name, value in ops.nms(boxes, scores, **limits).items()}
    for image in range(4):
        kept = greedy_nms(boxes[image], scores[image], **limits)
        assert found["num_detections"][image] == len(kept)
        for place, (box, score, label) in enumerate(kept):
            np.testing.assert_allclose(found["boxes"][image, place], box, rtol=FLOAT32 if vote_iou < 1 else 0)
            assert found["scores"][image, place] == score
            assert found["labels"][image, place] == label


def test_the_suppressed_move_what_is_kept_by_score_and_overlap():
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 8], [0, 0, 10, 5]]], np.float32)
    scores = np.array([[[0.8, 0], [0.5, 0], [0, 0.6], [0.4, 0]]], np.float32)  # the third is of another class
    limits = {"max_detections": 4, "max_candidates": 4, "iou_threshold": 0.4}
    found = ops.nms(boxes, scores, vote_iou=0.7, **limits)  # overlaps with the first: 1, 0.8, 0.8, 0.5
    bottom = (0.8 * 10 + 0.5 * 0.8 * 8) / (0.8 + 0.5 * 0.8)
    np.testing.assert_allclose(np.asarray(found["boxes"])[0, :2], [[0, 0, 10, bottom], [0, 0, 10, 8]], rtol=FLOAT32)


def test_boxes_without_area_stay_where_they_are():
    boxes = np.array([[[3, 4, 3, 4], [20, 20, 30, 30]]], np.float32)
    scores = np.array([[[0.9], [0.5]]], np.float32)
    found = ops.nms(boxes, scores, max_detections=2, max_candidates=2, iou_threshold=0.5, vote_iou=0.8)
    np.testing.assert_allclose(np.asarray(found["boxes"]), boxes, rtol=FLOAT32)


def test_a_chain_of_overlaps_is_resolved_from_the_best_on():
    boxes = np.array([[[x, 0, x + 10, 10] for x in (0, 4, 8, 12)]], np.float32)  # neighbours have IoU 0.43, others 0.11
    scores = np.array([[[0.9], [0.8], [0.7], [0.6]]], np.float32)
    found = ops.nms(boxes, scores, max_detections=4, max_candidates=4, iou_threshold=0.4)
    np.testing.assert_allclose(np.asarray(found["scores"])[0], [0.9, 0.7, 0, 0])


def test_what_is_beyond_the_last_detection_is_zero():
    boxes = np.array([[[1, 1, 9, 9], [20, 20, 30, 30]]], np.float32)
    scores = np.array([[[0.0, 0.5], [0.0, 0.0]]], np.float32)
    found = {
        k: np.asarray(v)
        for k, v in ops.nms(boxes, scores, max_detections=6, max_candidates=50, iou_threshold=0.5).items()
    }
    assert found["num_detections"].tolist() == [1]
    assert found["boxes"].shape == (1, 6, 4)
    assert found["labels"].tolist() == [[1, 0, 0, 0, 0, 0]]
    assert not found["boxes"][0, 1:].any() and not found["scores"][0, 1:].any()
