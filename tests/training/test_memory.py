import numpy as np
import pytest
import tensorflow as tf
from oracles.tiny_training import batch, build, stacked

from scanml.errors import ConfigError
from scanml.training.memory import first_call


def with_memory_for(updates, images):
    """The same updates on a device where more than `images` at a time do not fit."""
    compiled = updates.compiled

    def call(state, batches):
        if batches["image"].shape[1] > images:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[4,64,64,3]")
        return compiled(state, batches)

    updates.compiled = call
    return updates


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (2, r"a batch of 4 images does not fit .* 2 do: --set train.batch_size=2, or --set train.accumulate=2"),
        (0, "not even one does; lower the model's image_size"),
    ],
)
def test_it_says_the_largest_batch_that_fits(images, words):
    updates = with_memory_for(build("classifier"), images)
    with pytest.raises(ConfigError, match=words):
        first_call(updates, stacked([batch(0, task="classifier")] * 2))


def test_what_fits_is_returned():
    rows = first_call(with_memory_for(build("classifier"), 4), stacked([batch(0, task="classifier")] * 2))
    assert isinstance(rows, np.ndarray) and rows.shape == (2, 1)
