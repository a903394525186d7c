"""Occlusion: boxes bound what is visible, and nothing is hidden too much."""

import numpy as np

from scanml.datasets.synthetic.layers import Layers

SQUARE = np.full((10, 10, 4), 255, np.uint8)


def test_what_lies_behind_loses_its_hidden_part():
    layers = Layers((40, 40))
    assert layers.add(SQUARE, left=5, top=5)
    assert layers.add(SQUARE, left=9, top=0)
    np.testing.assert_array_equal(layers.bounds(), [[5, 5, 15, 15], [9, 0, 19, 10]])
    assert layers.visible()[0].sum() == 100 - 6 * 5


def test_hiding_too_much_is_refused_and_changes_nothing():
    layers = Layers((40, 40))
    layers.add(SQUARE, left=5, top=5)
    assert not layers.add(SQUARE, left=6, top=6)  # would leave 19 of 100 pixels
    assert len(layers.visible()) == 1
    assert layers.visible()[0].sum() == 100


def test_two_small_losses_add_up():
    layers = Layers((40, 40))
    layers.add(SQUARE, left=5, top=5)
    assert layers.add(SQUARE, left=5, top=-1)  # hides 40
    assert not layers.add(SQUARE, left=5, top=12)  # 30 more would leave 30 < 35


def test_an_object_beyond_the_border_is_refused():
    assert not Layers((40, 40)).add(SQUARE, left=37, top=0)  # 30 % inside
    assert Layers((40, 40)).add(SQUARE, left=34, top=34)  # 36 %


def test_a_protected_poster_stays_visible():
    layers = Layers((40, 40))
    poster = np.zeros((40, 40), np.bool_)
    poster[:10, :12] = True
    layers.protect(poster, min_visible=0.75)
    assert not layers.add(SQUARE, left=0, top=0)
    assert layers.add(SQUARE, left=10, top=0)


def test_no_objects_have_boxes_of_shape_zero_by_four():
    layers = Layers((4, 5))
    assert layers.bounds().shape == (0, 4)
    assert layers.visible().shape == (0, 4, 5)
