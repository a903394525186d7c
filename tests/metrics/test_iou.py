import numpy as np
import pytest
from oracles.iou import counted_iou
from pycocotools import mask

from scanml.errors import DataError
from scanml.metrics import pairwise_iou


def random_boxes(rng, count):
    corner = rng.integers(0, 12, (count, 2))
    return np.concatenate([corner, corner + rng.integers(0, 8, (count, 2))], axis=1).astype(np.float64)


def test_every_pair_by_counting_cells(rng):
    a, b, crowd = random_boxes(rng, 15), random_boxes(rng, 20), rng.random(20) < 0.4
    expected = [[counted_iou(x, y, crowd=c) for y, c in zip(b, crowd, strict=True)] for x in a]
    np.testing.assert_allclose(pairwise_iou(a, b, crowd=crowd), expected, rtol=0, atol=1e-15)


def test_same_as_pycocotools(rng):
    a, b, crowd = rng.random((30, 4)) * 50, rng.random((40, 4)) * 50, rng.random(40) < 0.4
    a[:, 2:] += a[:, :2]
    b[:, 2:] += b[:, :2]
    xywh = [np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1) for boxes in (a, b)]
    expected = mask.iou(*xywh, crowd.astype(np.uint8))
    np.testing.assert_allclose(pairwise_iou(a, b, crowd=crowd), expected, rtol=0, atol=1e-13)  # x + w rounds


def test_empty_sides_have_their_shape():
    assert pairwise_iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert pairwise_iou(np.zeros((2, 4)), np.zeros((0, 4))).shape == (2, 0)


def test_another_shape_is_refused():
    with pytest.raises(DataError, match=r"b must be \(N, 4\)"):
        pairwise_iou([[0, 0, 1, 1]], [0, 0, 1, 1])
