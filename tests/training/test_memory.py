import numpy as np
import pytest
import tensorflow as tf
from oracles.tiny_training import batch, build, stacked

from scanml.errors import ConfigError
from scanml.training import TrainConfig
from scanml.training.memory import run_updates


def with_memory_for(images, *, size=4, accumulate=1):
    """Updates on a device where more than `images` at a time do not fit."""
    updates = build("classifier", TrainConfig(steps=20, batch_size=size, accumulate=accumulate))
    compiled = updates.compiled

    def call(state, batches):
        if batches["image"].shape[1] // accumulate > images:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[4,64,64,3]")
        return compiled(state, batches)

    updates.compiled = call
    return updates


@pytest.mark.parametrize(
    ("size", "accumulate", "images", "most", "parts"), [(4, 1, 2, 2, 2), (9, 1, 4, 3, 3), (12, 2, 2, 4, 6)]
)
def test_both_ways_out_are_settings_that_fit(size, accumulate, images, most, parts):
    updates = with_memory_for(images, size=size, accumulate=accumulate)
    said = rf"a batch of {size} .* {most} do: --set train.batch_size={most}, or --set train.accumulate={parts} "
    with pytest.raises(ConfigError, match=said):
        run_updates(updates, stacked([batch(0, task="classifier", size=size)] * 2), wait=True)
    TrainConfig(batch_size=size, accumulate=parts)
    assert size // parts <= images


def test_where_nothing_fits_the_model_is_too_large():
    with pytest.raises(ConfigError, match="not even the smallest part of a batch fits; lower image_size"):
        run_updates(with_memory_for(0), stacked([batch(0, task="classifier")]), wait=True)


def test_other_failures_stay_what_they_are():
    updates = build("classifier")
    with pytest.raises(ValueError):
        run_updates(updates, {"image": np.zeros((1, 4, 64, 64, 2), np.uint8)}, wait=True)


def test_what_fits_is_returned():
    rows = run_updates(with_memory_for(4), stacked([batch(0, task="classifier")] * 2), wait=True)
    assert isinstance(rows, np.ndarray) and rows.shape == (2, 1)
