"""Eight kinds of objects: varied, of the size asked for, the same from the same seed."""

import numpy as np
import pytest

from scanml.datasets.synthetic import CLASS_NAMES
from scanml.datasets.synthetic.objects import draw_object


@pytest.mark.parametrize("name", CLASS_NAMES)
@pytest.mark.parametrize("side_px", [26, 104])
def test_objects_have_about_the_size_asked_for(name, side_px):
    for seed in range(5):
        sprite = draw_object(np.random.default_rng(seed), name, side_px=side_px)
        assert 0.7 * side_px < max(sprite.shape[:2]) < 1.2 * side_px  # turned by up to 30 degrees


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_colors_never_exceed_alpha(name):
    sprite = draw_object(np.random.default_rng(3), name, side_px=60)
    assert (sprite[..., :3] <= sprite[..., 3:]).all()  # the law of premultiplied colours


def test_an_object_follows_from_its_seed():
    first, again, other = (draw_object(np.random.default_rng(seed), "mug", side_px=50) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
