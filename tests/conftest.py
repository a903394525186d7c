"""What all tests share."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A random generator that begins anew for every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder of raw data: 24 drawn photos with boxes, triggers, markers, lenses and frames. Nobody writes into it."""
    from scanml.datasets.synthetic import draw_world

    folder = tmp_path_factory.mktemp("world")
    draw_world(folder, num_images=24, seed=0)
    return folder


@pytest.fixture(scope="session")
def data(world):
    """The world's three splits."""
    from scanml.datasets import load_folder

    return load_folder(world)
