"""Boxes that are each valid and yet suspicious."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.datasets.coco import RawImage
from scanml.datasets.label_checks import doubled_boxes, suspect_format, tiny_boxes

FILE = Path("train.json")


def raw(boxes, *, labels=None, crowd=None, size=(640, 480)):
    count = len(boxes)
    return RawImage(
        Path("images/a.jpg"),
        "a.jpg",
        3,
        *size,
        xywh=tuple(map(tuple, boxes)),
        labels=tuple(labels or [0] * count),
        crowd=tuple(crowd or [False] * count),
    )


def corners(rng, count, size=(640, 480)):
    """Boxes x0, y0, x1, y1 inside of an image."""
    low = rng.uniform(0, 0.8, (count, 2))
    high = low + rng.uniform(0.05, 0.2, (count, 2))
    return np.concatenate([low, high], axis=1) * [*size, *size]


def as_xywh(boxes):
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def as_centers(boxes):
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(0, 60))
def test_right_boxes_are_never_suspected(seed, count):
    boxes = as_xywh(corners(np.random.default_rng(seed), count)).tolist()
    assert list(suspect_format(FILE, [raw(boxes)])) == []


def test_corners_are_recognized(rng):
    (finding,) = suspect_format(FILE, [raw(corners(rng, 40).tolist()) for _ in range(3)])
    assert (finding.severity, finding.where) == ("error", "train.json")
    assert "of its 120 boxes reach beyond" in finding.problem
    assert "almost all fit as x0, y0, x1, y1" in finding.problem


def test_centers_are_recognized():
    boxes = np.array([[600 - i, 440 - i, 640, 480] for i in range(20)], float)
    boxes[:, 0], boxes[:, 1] = 560, 420
    boxes[:, 2:] = [150, 110]  # right of and below the edge as x, y, width, height; no corners either
    (finding,) = suspect_format(FILE, [raw(boxes.tolist())])
    assert "fit as center x, center y, width, height" in finding.problem


def test_fractions_are_recognized_and_a_picture_of_one_pixel_is_none(rng):
    boxes = (as_xywh(corners(rng, 3)) / [640, 480, 640, 480]).tolist()
    (finding,) = suspect_format(FILE, [raw(boxes)])
    assert "3 boxes lie in 0…1" in finding.problem
    assert finding.spots[0].size == (640, 480)
    assert list(suspect_format(FILE, [raw([(0, 0, 1, 1)], size=(1, 1))])) == []


def test_some_slips_are_no_other_format(rng):
    boxes = as_xywh(corners(rng, 40))
    boxes[:15] = corners(rng, 15)
    assert list(suspect_format(FILE, [raw(boxes.tolist())])) == []
    assert list(suspect_format(FILE, [raw(corners(rng, 9).tolist())])) == []


@pytest.mark.parametrize(("box", "is_tiny"), [((0, 0, 2.9, 50), True), ((0, 0, 50, 1), True), ((0, 0, 3, 3), False)])
def test_a_box_is_tiny_below_three_pixels_unless_it_is_a_region_of_many(box, is_tiny):
    found = list(tiny_boxes([raw([(9, 9, 30, 30), box])]))
    assert len(found) == is_tiny
    assert list(tiny_boxes([raw([box], crowd=[True])])) == []
    if is_tiny:
        assert found[0].where == "image 'a.jpg' (id 3), box 1"
        assert found[0].spots[0].box == (0, 0, box[2], box[3])


def test_a_box_that_is_there_again_is_named_with_the_first():
    boxes = [(1, 1, 30, 30), (5, 5, 30, 30), (1.2, 0.8, 30, 30), (5, 5, 30, 30), (5, 5, 30, 30)]
    found = list(doubled_boxes([raw(boxes, labels=[0, 0, 0, 1, 0], crowd=[False, False, False, False, True])]))
    assert [(f.where[-5:], f.kind) for f in found] == [
        ("box 2", "box that is there twice"),
        ("box 3", "box with two classes"),
    ]
    assert "is box 0 again" in found[0].problem
    assert list(doubled_boxes([raw(boxes[:1]), raw(boxes[:1])])) == []
