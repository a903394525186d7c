"""The camera changes light, sharpness and noise, and nothing at strength 0."""

import numpy as np

from scanml.datasets.synthetic.camera import photograph


def _picture():
    return np.random.default_rng(5).integers(60, 200, (48, 64, 3)).astype(np.uint8)


def test_a_perfect_camera_changes_nothing():
    np.testing.assert_array_equal(photograph(np.random.default_rng(0), _picture(), strength=0.0), _picture())


def test_a_photo_follows_from_its_seed_and_leaves_the_picture_alone():
    picture = _picture()
    first, again, other = (photograph(np.random.default_rng(seed), picture) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(picture, _picture())
