import numpy as np
import pytest
from oracles.assignment import assign_slowly, contains

from scanml.ops.targets import assign, decode_boxes, locations

SIZE, STRIDES = (64, 96), (8, 16, 32)


def world(rng, *, batch=3, truths=6, num_classes=4):
    """Scores and boxes near their locations, and truths of which some are padded and some are crowds."""
    centers, strides = locations(SIZE, STRIDES)
    sides = rng.uniform(0.5, 3, (batch, len(centers), 4)) * strides[:, None]
    boxes = np.concatenate([centers - sides[..., :2], centers + sides[..., 2:]], axis=-1).astype(np.float32)
    scores = rng.uniform(0.01, 0.99, (batch, len(centers), num_classes)).astype(np.float32)
    corner = rng.uniform(0, (60, 40), (batch, truths, 2))
    truth = {
        "boxes": np.concatenate([corner, corner + rng.uniform(10, 40, (batch, truths, 2))], axis=-1).astype(np.float32),
        "labels": rng.integers(-1, num_classes, (batch, truths)).astype(np.int32),
        "crowd": rng.random((batch, truths)) < 0.2,
    }
    return scores, boxes, truth, centers


def assigned(*arguments, **keywords):
    return {name: np.asarray(value) for name, value in assign(*arguments, **keywords).items()}


def test_locations_are_centers_of_cells_finest_level_first():
    centers, strides = locations((64, 96), (16, 32))
    assert centers.shape == (24 + 6, 2) and strides.tolist() == [16] * 24 + [32] * 6
    np.testing.assert_array_equal(centers[[0, 1, 6, 24]], [[8, 8], [24, 8], [8, 24], [16, 16]])


def test_a_certain_bin_is_a_distance_in_strides():
    centers, strides = locations((32, 32), (16,))
    logits = np.full((1, 4, 4, 6), -1e4, np.float32)
    for side, bin_ in enumerate((1, 2, 3, 0)):
        logits[..., side, bin_] = 0
    boxes = np.asarray(decode_boxes(logits, centers, strides))
    np.testing.assert_allclose(boxes[0, 0], [8 - 16, 8 - 32, 8 + 48, 8 + 0], rtol=1e-5)


def test_between_two_bins_lies_their_mean(rng):
    centers, strides = locations((32, 32), (16,))
    logits = rng.normal(0, 2, (2, 4, 4, 5)).astype(np.float32)
    weights = np.exp(logits.astype(np.float64))
    distances = (weights * np.arange(5)).sum(-1) / weights.sum(-1) * 16
    expected = np.concatenate([centers - distances[..., :2], centers + distances[..., 2:]], axis=-1)
    np.testing.assert_allclose(np.asarray(decode_boxes(logits, centers, strides)), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("num_positives", [1, 4, 10])
def test_assignment_is_that_of_plain_loops(rng, num_positives):
    scores, boxes, truth, centers = world(rng)
    found = assigned(scores, boxes, truth, centers, num_positives=num_positives)
    for image in range(len(scores)):
        own = {name: value[image] for name, value in truth.items()}
        expected = assign_slowly(scores[image].astype(np.float64), boxes[image], own, centers, num_positives)
        for name, value in expected.items():
            # IoU^6 in float32 against float64: six roundings of 1e-7, times the quotient of two such numbers
            np.testing.assert_allclose(found[name][image], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_positives_lie_inside_their_truth_and_are_at_most_ten_each(rng):
    scores, boxes, truth, centers = world(rng, batch=8)
    found = assigned(scores, boxes, truth, centers)
    for image, location in zip(*np.nonzero(found["positive"]), strict=True):
        assert contains(found["boxes"][image, location], centers[location])
    real = (truth["labels"] >= 0) & ~truth["crowd"]
    assert (found["positive"].sum(axis=1) <= 10 * real.sum(axis=1)).all()
    assert not found["taught"][~real].any()


def test_a_hopeless_start_still_teaches():
    """Every prediction overlaps the small truth badly (IoU 0.01): the best of them is a full example all the same."""
    centers, _ = locations(SIZE, STRIDES)
    boxes = np.stack([centers[:, 0] - 50, centers[:, 1] - 50, centers[:, 0] + 50, centers[:, 1] + 50], axis=-1)[None]
    truth = {
        "boxes": np.array([[[30, 30, 40, 40]]], np.float32),
        "labels": np.zeros((1, 1), np.int32),
        "crowd": np.zeros((1, 1), bool),
    }
    found = assigned(np.full((1, len(centers), 1), 0.01, np.float32), boxes, truth, centers)
    assert found["taught"].item() == 1
    assert found["class_targets"].max() == pytest.approx(0.01, rel=0.02)  # the aligned IoU: 100 of 10,000 pixels


def test_empty_truths_teach_nothing():
    centers, _ = locations(SIZE, STRIDES)
    boxes = np.zeros((2, 3, 4), np.float32)
    truth = {"boxes": boxes, "labels": np.full((2, 3), -1, np.int32), "crowd": np.zeros((2, 3), bool)}
    count = len(centers)
    found = assigned(np.full((2, count, 2), 0.5, np.float32), np.ones((2, count, 4), np.float32), truth, centers)
    assert not any(value.any() for value in found.values())


def test_in_a_crowd_alone_locations_are_ignored():
    centers, _ = locations(SIZE, STRIDES)
    boxes = np.array([[[0, 0, 48, 64]]], np.float32)
    truth = {"boxes": boxes, "labels": np.array([[1]], np.int32), "crowd": np.array([[True]])}
    count = len(centers)
    found = assigned(np.full((1, count, 2), 0.5, np.float32), np.ones((1, count, 4), np.float32), truth, centers)
    assert not found["positive"].any() and not found["taught"].any()
    np.testing.assert_array_equal(found["ignored"][0], (centers[:, 0] < 48).astype(float))
