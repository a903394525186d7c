"""Boxes move with the pixels, whatever the picture, the batch image and the dice."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import picture

from scanml.datasets.augment import PADDING, jitter_colors, place_boxes, place_pixels, random_placement
from scanml.datasets.config import AugmentConfig

STILL = AugmentConfig(
    flip_left_right=0, scale=(1.0, 1.0), translate=0, brightness=0, contrast=0, saturation=0, min_visible=0
)
WILD = AugmentConfig(flip_left_right=0.5, flip_up_down=0.5, scale=(0.4, 2.5), translate=0.4, min_visible=0)


def with_rectangle(size, box):
    pixels = np.zeros((*size, 3), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 255
    return pixels


sizes = st.tuples(st.integers(8, 90), st.integers(8, 90))


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**31), source=sizes, target=sizes, data=st.data())
def test_boxes_lie_where_the_pixels_went(seed, source, target, data):
    (height, width), rng = source, np.random.default_rng(seed)
    left, top = data.draw(st.integers(0, width - 4)), data.draw(st.integers(0, height - 4))
    box = (left, top, data.draw(st.integers(left + 4, width)), data.draw(st.integers(top + 4, height)))
    placement = random_placement(source, target, WILD, rng)
    placed = place_pixels(with_rectangle(source, box), placement)
    assert placed.shape == (*target, 3)
    (moved,), (kept,) = place_boxes(np.array([box], np.float32), placement, min_visible=0)
    if not kept or (moved[2:] - moved[:2] < 2).any():
        return
    white = placed[..., 1] > 127  # the padding is darker
    rows, columns = np.nonzero(white.any(axis=1))[0], np.nonzero(white.any(axis=0))[0]
    found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose(moved, found, atol=1.0)  # a pixel is white from half its area on


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**31), source=sizes, target=sizes)
def test_crops_and_places_are_whole_pixels_inside(seed, source, target):
    placement = random_placement(source, target, WILD, np.random.default_rng(seed))
    for span, length, room in ((placement.x, source[1], target[1]), (placement.y, source[0], target[0])):
        assert 0 <= span.crop.start < span.crop.stop <= length
        assert 0 <= span.target[0] < span.target[1] <= room
        ends = span.move(np.array([span.crop.start, span.crop.stop], float))
        np.testing.assert_allclose(sorted(ends), span.target, atol=1e-9)


@pytest.mark.parametrize(
    ("source", "target", "inside"),
    [((40, 60), (80, 120), (80, 120)), ((40, 60), (90, 90), (60, 90)), ((60, 40), (30, 90), (30, 20))],
)
def test_nothing_at_random_is_a_letterbox_at_the_top_left(source, target, inside, rng):
    pixels = picture(0, source)
    placement = random_placement(source, target, STILL, rng)
    placed = place_pixels(pixels, placement)
    expected = cv2.resize(pixels, inside[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(placed[: inside[0], : inside[1]], expected)
    assert (placed[inside[0] :] == PADDING).all()
    assert (placed[:, inside[1] :] == PADDING).all()
    boxes, kept = place_boxes(np.array([[0, 0, source[1], source[0]]], np.float32), placement, min_visible=0)
    np.testing.assert_allclose(boxes, [[0, 0, inside[1], inside[0]]])
    assert kept.all()


@pytest.mark.parametrize(("left_right", "up_down"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_mirrors_turn_pixels_and_boxes_as_numpy_does(left_right, up_down, rng):
    config = AugmentConfig(
        flip_left_right=left_right, flip_up_down=up_down, scale=(1.0, 1.0), translate=0, brightness=0, contrast=0
    )
    pixels = picture(0)
    placement = random_placement((40, 60), (40, 60), config, rng)
    axes = [axis for axis, share in ((0, up_down), (1, left_right)) if share]
    np.testing.assert_array_equal(place_pixels(pixels, placement), np.flip(pixels, axes))
    boxes, _ = place_boxes(np.array([[5, 6, 25, 16]], np.float32), placement, min_visible=0)
    x = [35, 55] if left_right else [5, 25]
    y = [24, 34] if up_down else [6, 16]
    np.testing.assert_array_equal(boxes, [[x[0], y[0], x[1], y[1]]])


def test_zooms_and_shifts_fill_their_ranges(rng):
    placements = [random_placement((300, 400), (300, 400), AugmentConfig(), rng) for _ in range(400)]
    ends = np.array([placement.x.move(np.array([0.0, 400.0])) for placement in placements])
    zooms = np.abs(ends[:, 1] - ends[:, 0]) / 400
    middles = ends.mean(axis=1) / 400 - 0.5
    assert 0.69 < zooms.min() < 0.72 and 1.27 < zooms.max() < 1.31
    assert -0.105 < middles.min() < -0.095 and 0.095 < middles.max() < 0.105
    assert 0.4 < np.mean([placement.x.mirror for placement in placements]) < 0.6
    assert not any(placement.y.mirror for placement in placements)


def test_boxes_that_hardly_show_are_dropped(rng):
    placement = random_placement((100, 100), (100, 100), STILL, rng)
    boxes = np.array([[-50, 0, 50, 10], [-71, 0, 29, 10], [200, 0, 300, 10], [5, 5, 5.5, 6], [0, 0, 0, 0]], np.float32)
    cut, kept = place_boxes(boxes, placement, min_visible=0.3)
    assert kept.tolist() == [True, False, False, False, False]
    np.testing.assert_array_equal(cut[0], [0, 0, 50, 10])


def test_no_boxes_stay_no_boxes(rng):
    cut, kept = place_boxes(np.zeros((0, 4), np.float32), random_placement((9, 9), (8, 8), WILD, rng), min_visible=0.3)
    assert cut.shape == (0, 4)
    assert kept.shape == (0,)


def naive_jitter(pixels, config, rng):
    """The oracle: saturation, then contrast around middle gray, then brightness, pixel by pixel."""
    amounts = (config.brightness, config.contrast, config.saturation)
    dice = rng.uniform(-1, 1, 3)
    brightness, contrast, saturation = (1 + amounts[i] * dice[i] for i in range(3))
    values = pixels.astype(float)
    gray = 0.299 * values[..., :1] + 0.587 * values[..., 1:2] + 0.114 * values[..., 2:]
    values = gray + saturation * (values - gray)
    values = 127.5 + contrast * (values - 127.5)
    return np.clip(brightness * values, 0, 255)


@pytest.mark.parametrize("seed", range(5))
def test_colors_change_as_brightness_contrast_and_saturation_say(seed):
    config = AugmentConfig(brightness=0.4, contrast=0.4, saturation=0.9)
    changed = jitter_colors(picture(seed), config, np.random.default_rng(seed))
    expected = naive_jitter(picture(seed), config, np.random.default_rng(seed))
    np.testing.assert_allclose(changed, expected, atol=0.9)  # 0.5 of rounding, 3 · 255 / 2048 as OpenCV keeps 10 bits


def test_no_change_of_color_is_none(rng):
    np.testing.assert_array_equal(jitter_colors(picture(0), STILL, rng), picture(0))
