import math

import numpy as np
import pytest
from keras import ops
from oracles.gradients import gradient

from scanml.losses import distribution_focal_loss, generalized_iou_loss, quality_focal_loss

FLOAT32 = 1e-5  # exponentials and logarithms in float32 against float64, on losses of order 1
EXTREMES = np.array([-100, -1, 0, 1, 100], np.float32)


def naive_quality_focal(logit, target, beta):
    p = 1 / (1 + math.exp(-logit))
    return -(abs(target - p) ** beta) * ((1 - target) * math.log(1 - p) + target * math.log(p))


def naive_distribution_focal(rows, distances):
    """Mean over sides of the cross-entropy between softmax(row) and the distance's two neighbouring bins."""
    total = 0.0
    for row, distance in zip(rows, distances, strict=True):
        distance = min(max(distance, 0.0), len(row) - 1.0)
        log_sum = math.log(sum(math.exp(v) for v in row))
        left = min(math.floor(distance), len(row) - 2)
        weight = distance - left
        total -= (1 - weight) * (row[left] - log_sum) + weight * (row[left + 1] - log_sum)
    return total / len(rows)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_quality_focal_loss_number_by_number(rng, beta):
    logits = rng.normal(0, 3, (5, 7)).astype(np.float32)
    targets = rng.random((5, 7)).astype(np.float32) * (rng.random((5, 7)) < 0.5)
    found = quality_focal_loss(logits, targets, beta=beta)
    expected = np.vectorize(naive_quality_focal)(logits.astype(float), targets.astype(float), beta)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=FLOAT32, atol=FLOAT32)


def test_quality_focal_loss_is_zero_where_the_score_is_the_target():
    logits = np.array([-2.0, 0.0, 3.0], np.float32)
    targets = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(np.asarray(quality_focal_loss(logits, targets)), 0, atol=1e-12)  # (1e-7)^2 in float32


def test_quality_focal_loss_pulls_scores_towards_their_targets():
    targets = np.array([0.0, 0.3, 1.0, 0.3], np.float32)
    logits = np.array([0.5, 3.0, 0.5, -3.0], np.float32)
    slope = gradient(lambda x: ops.sum(quality_focal_loss(x, targets)), logits)
    assert np.sign(slope).tolist() == [1, 1, -1, -1]


@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_quality_focal_loss_survives_extreme_logits(target):
    targets = np.full_like(EXTREMES, target)
    assert np.isfinite(np.asarray(quality_focal_loss(EXTREMES, targets))).all()
    assert np.isfinite(gradient(lambda x: ops.sum(quality_focal_loss(x, targets)), EXTREMES)).all()


def test_distribution_focal_loss_side_by_side(rng):
    logits = rng.normal(0, 2, (6, 4, 8)).astype(np.float32)
    distances = rng.uniform(-1, 9, (6, 4)).astype(np.float32)
    expected = [
        naive_distribution_focal(*pair) for pair in zip(logits.astype(float), distances.astype(float), strict=True)
    ]
    np.testing.assert_allclose(np.asarray(distribution_focal_loss(logits, distances)), expected, rtol=FLOAT32)


def test_distribution_focal_loss_is_least_at_the_true_distribution():
    distances = np.full((1, 4), 2.25, np.float32)
    right = np.full((1, 4, 6), -50, np.float32)
    right[..., 2], right[..., 3] = math.log(0.75), math.log(0.25)
    slope = gradient(lambda x: ops.sum(distribution_focal_loss(x, distances)), right)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_distribution_focal_loss_survives_extreme_logits():
    logits = np.tile(EXTREMES, (1, 4, 1))
    distances = np.array([[0.0, 1.5, 4.0, 100.0]], np.float32)
    assert np.isfinite(np.asarray(distribution_focal_loss(logits, distances))).all()
    assert np.isfinite(gradient(lambda x: ops.sum(distribution_focal_loss(x, distances)), logits)).all()


def test_generalized_iou_loss_is_0_for_equal_and_nearly_2_for_distant_boxes():
    here, far = np.array([[0, 0, 10, 10]], np.float32), np.array([[1e4, 1e4, 1e4 + 10, 1e4 + 10]], np.float32)
    assert float(generalized_iou_loss(here, here)[0]) == pytest.approx(0, abs=1e-6)
    assert float(generalized_iou_loss(here, far)[0]) == pytest.approx(2, abs=1e-5)


def test_generalized_iou_loss_pulls_a_distant_box_near():
    box, true = np.array([[0, 0, 10, 10]], np.float32), np.array([[50, 0, 60, 10]], np.float32)
    slope = gradient(lambda x: ops.sum(generalized_iou_loss(x, true)), box)
    assert slope[0, 2] < 0  # a step against the slope moves the right side to the right


@pytest.mark.parametrize("box", [[5, 5, 5, 5], [9, 9, 3, 3], [0, 0, 1e6, 1e6]], ids=["empty", "inverted", "huge"])
def test_generalized_iou_loss_survives_bad_boxes(box):
    boxes, true = np.array([box], np.float32), np.array([[4, 4, 6, 6]], np.float32)
    assert np.isfinite(np.asarray(generalized_iou_loss(boxes, true))).all()
    assert np.isfinite(gradient(lambda x: ops.sum(generalized_iou_loss(x, true)), boxes)).all()


def test_no_locations_have_no_loss():
    none = np.zeros((2, 0, 4), np.float32)
    assert generalized_iou_loss(none, none).shape == (2, 0)
    assert quality_focal_loss(none, none).shape == (2, 0, 4)
    assert distribution_focal_loss(np.zeros((2, 0, 4, 8), np.float32), none).shape == (2, 0)
