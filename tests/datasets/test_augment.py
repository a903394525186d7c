"""Boxes move with the pixels, whatever the picture, the batch image and the dice."""

import colorsys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import picture

from scanml.datasets.augment import (
    PADDING,
    change_colors,
    place_boxes,
    place_pixels,
    random_colors,
    random_mosaic,
    random_placement,
)
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
    placed = place_pixels([(with_rectangle(source, box), placement)])
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


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**31), source=sizes, target=sizes, count=st.integers(0, 12))
def test_a_box_safe_crop_shows_every_box_whole_whose_center_it_would_have_kept(seed, source, target, count):
    rng, (height, width) = np.random.default_rng(seed), source
    corners = rng.uniform((0, 0), (width, height), (count, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32).reshape(-1, 4)
    safe = replace(WILD, box_safe=1.0)
    drawn = random_placement(source, target, safe, np.random.default_rng(seed))
    widened = random_placement(source, target, safe, np.random.default_rng(seed), xyxy=boxes)
    assert (widened.x.mirror, widened.y.mirror) == (drawn.x.mirror, drawn.y.mirror)
    for box in boxes.astype(float):
        middle = (box[:2] + box[2:]) / 2
        if all(
            span.crop.start + 1 <= at <= span.crop.stop - 1 for span, at in zip((drawn.x, drawn.y), middle, strict=True)
        ):
            assert widened.x.crop.start <= box[0] <= box[2] <= widened.x.crop.stop
            assert widened.y.crop.start <= box[1] <= box[3] <= widened.y.crop.stop


def test_a_box_safe_crop_leaves_a_crop_that_cuts_nothing_as_it_is():
    boxes = np.array([[45, 45, 55, 55], [0, 0, 3, 3]], np.float32)  # inside with room to spare; not seen at all
    config = AugmentConfig(scale=(2.0, 2.0), translate=0.1, box_safe=1.0)
    for seed in range(20):
        drawn, safe = (
            random_placement((100, 100), (80, 80), config, np.random.default_rng(seed), xyxy=xyxy)
            for xyxy in (np.zeros((0, 4), np.float32), boxes)
        )
        assert safe == drawn


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_crops_are_box_safe_as_often_as_asked_for(chance):
    config = AugmentConfig(scale=(2.0, 2.0), translate=0, box_safe=chance)
    boxes = np.array([[0, 40, 100, 60]], np.float32)
    whole = [
        random_placement((100, 100), (80, 80), config, np.random.default_rng(seed), xyxy=boxes).x.source == (0, 100)
        for seed in range(200)
    ]
    assert abs(np.mean(whole) - chance) < 0.12  # three and a half standard deviations of 200 throws


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**31), sources=st.tuples(sizes, sizes, sizes, sizes), target=sizes)
def test_a_mosaic_tiles_the_image_around_one_point(seed, sources, target):
    tiles = random_mosaic(sources, target, replace(WILD, scale=(3.0, 4.0)), np.random.default_rng(seed))
    shown = np.zeros(target, int)
    for tile in tiles:
        shown[slice(*tile.y.target), slice(*tile.x.target)] += 1
    assert shown.max() == 1  # no two lie on each other
    assert (tiles[0].x.target[1], tiles[0].y.target[1]) == (tiles[3].x.target[0], tiles[3].y.target[0])
    assert 0.2 < tiles[0].x.target[1] / target[1] < 0.8
    if all(max(size) < 2 * min(size) for size in (*sources, target)):  # zoomed threefold they fill three quarters each
        assert shown.min() == 1


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**31), sources=st.tuples(sizes, sizes, sizes, sizes), target=sizes)
def test_boxes_lie_where_the_pixels_of_a_mosaic_went(seed, sources, target):
    """Every picture is one white box on black."""
    tiles = random_mosaic(sources, target, WILD, np.random.default_rng(seed))
    boxes = [(2, 2, width - 2, height - 2) for height, width in sources]
    pixels = [with_rectangle(size, box) for size, box in zip(sources, boxes, strict=True)]
    image = place_pixels(zip(pixels, tiles, strict=True))
    for box, tile in zip(boxes, tiles, strict=True):
        (moved,), (kept,) = place_boxes(np.array([box], np.float32), tile, min_visible=0)
        part = image[slice(*tile.y.target), slice(*tile.x.target), 1] > 127
        if not kept or (moved[2:] - moved[:2] < 2).any():
            continue
        rows, columns = np.nonzero(part.any(axis=1))[0], np.nonzero(part.any(axis=0))[0]
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(moved - [tile.x.target[0], tile.y.target[0]] * 2, found, atol=1.0)


@pytest.mark.parametrize(
    ("source", "target", "inside"),
    [((40, 60), (80, 120), (80, 120)), ((40, 60), (90, 90), (60, 90)), ((60, 40), (30, 90), (30, 20))],
)
def test_nothing_at_random_is_a_letterbox_at_the_top_left(source, target, inside, rng):
    pixels = picture(0, source)
    placement = random_placement(source, target, STILL, rng)
    placed = place_pixels([(pixels, placement)])
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
    np.testing.assert_array_equal(place_pixels([(pixels, placement)]), np.flip(pixels, axes))
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


@pytest.mark.parametrize("seed", range(5))
def test_hue_turns_colors_around_the_gray_axis(seed):
    """The oracle: in YIQ, luma stays, the angle of the two others moves alike for all colors, their length stays."""
    config = replace(STILL, hue=0.5)
    colors = random_colors(config, np.random.default_rng(seed))
    given = np.random.default_rng(seed).uniform(0, 255, (50, 3))
    before, after = (np.array([colorsys.rgb_to_yiq(*row) for row in rows]) for rows in (given, given @ colors[:, :3].T))
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=2.0)  # colorsys rounds its weights to two digits
    chroma_before, chroma_after = before[:, 1] + 1j * before[:, 2], after[:, 1] + 1j * after[:, 2]
    ratios = chroma_after / chroma_before
    np.testing.assert_allclose(np.abs(ratios), 1, atol=0.1)
    assert np.ptp(np.angle(ratios)) < 0.1
    assert abs(np.angle(ratios.mean())) <= np.pi / 2 + 0.05
    np.testing.assert_allclose(colors @ [90, 90, 90, 1], [90] * 3, atol=0.05)


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
    changed = change_colors(picture(seed), random_colors(config, np.random.default_rng(seed)))
    expected = naive_jitter(picture(seed), config, np.random.default_rng(seed))
    np.testing.assert_allclose(changed, expected, atol=0.9)  # 0.5 of rounding, 3 · 255 / 2048 as OpenCV keeps 10 bits


def test_no_change_of_color_is_none(rng):
    np.testing.assert_array_equal(change_colors(picture(0), random_colors(STILL, rng)), picture(0))
