"""Pasting, cutting off at borders, and where a sprite counts as covering a pixel."""

import numpy as np
import pytest

from scanml.datasets.synthetic.canvas import Canvas, paste, stamp


@pytest.fixture
def square():
    return np.full((4, 6, 4), 255, np.uint8)


@pytest.mark.parametrize(
    ("left", "top", "count"), [(0, 0, 24), (-3, -2, 6), (8, 8, 4), (-6, 0, 0), (10, 3, 0), (40, -40, 0)]
)
def test_sprites_are_cut_off_at_the_border(square, left, top, count):
    pixels = np.zeros((10, 10, 3), np.uint8)
    paste(pixels, square, left=left, top=top)
    mask = stamp((10, 10), square, left=left, top=top)
    assert mask.sum() == count
    np.testing.assert_array_equal(pixels.all(axis=2), mask)


def test_half_transparent_paint_lets_half_of_the_ground_through():
    pixels = np.full((1, 1, 3), 200, np.uint8)
    paste(pixels, np.array([[[128, 0, 0, 128]]], np.uint8), left=0, top=0)  # premultiplied full red
    np.testing.assert_allclose(pixels[0, 0], [228, 100, 100], atol=1)  # integer division


def test_a_filled_square_has_the_size_it_was_drawn_with():
    canvas = Canvas(40)
    canvas.fill([(-1, -1), (1, -1), (1, 1), (-1, 1)], (200, 100, 50))
    alpha = canvas.finish(relief=0)[..., 3] >= 128
    assert abs(alpha.any(axis=0).sum() - 40) <= 1  # OpenCV fills outlines inclusively
    assert abs(alpha.any(axis=1).sum() - 40) <= 1
