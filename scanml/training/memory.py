"""A batch that does not fit the device's memory: say the largest that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanml.errors import ConfigError
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch

if TYPE_CHECKING:
    from scanml.training.step import Updates


def first_call(updates: Updates, batches: Batch) -> Tensor:
    """`updates(batches)`, waited for.

    Raises:
        ConfigError: out of memory; it names the largest halving of the batch that fits.
    """
    try:
        return np.asarray(updates(batches))
    except updates.backend.memory_errors as error:
        if "RESOURCE_EXHAUSTED" not in str(error) and "OOM" not in str(error):  # JAX has one kind for everything
            raise
        size, most = updates.config.batch_size, _largest_batch(updates, batches)
        way_out = (
            f"{most} do: --set train.batch_size={most}, or --set train.accumulate={size // most} to go through it in "
            "parts"
            if most
            else "not even one does; lower the model's image_size"
        )
        raise ConfigError(f"a batch of {size} images does not fit the device's memory; {way_out}.") from error


def _largest_batch(updates: Updates, batches: Batch) -> int:
    """The largest halving of the batch that one update can take; 0 if not even one image fits."""
    size: int = next(iter(batches.values())).shape[1]
    while size > updates.config.accumulate:
        size //= 2
        updates.state = updates.start()  # the one before is gone with the failed call
        try:
            np.asarray(updates({name: value[:1, :size] for name, value in batches.items()}))
        except updates.backend.memory_errors:
            continue
        return size
    return 0
