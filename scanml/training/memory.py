"""A batch that does not fit the device's memory: say the largest that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanml.errors import ConfigError
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch

if TYPE_CHECKING:
    from scanml.training.step import Updates


def run_updates(updates: Updates, batches: Batch, *, wait: bool) -> Tensor:
    """`updates(batches)`; with `wait` until it is done, so that what fails on the device fails here.

    Raises:
        ConfigError: out of memory; it names the largest part of the batch that fits.
    """
    try:
        rows = updates(batches)
        return np.asarray(rows) if wait else rows
    except Exception as error:
        if not updates.backend.is_out_of_memory(error):
            raise
        config, size = updates.config, updates.config.batch_size
        most = _largest_batch(updates, batches)
        if not most:
            raise ConfigError(f"not even the smallest part of a batch fits; lower image_size ({error}).") from error
        raise ConfigError(
            f"a batch of {size} images does not fit the device's memory; {most} do: --set train.batch_size={most}, or "
            f"--set train.accumulate={size // most * config.accumulate} to go through it in parts."
        ) from error


def _largest_batch(updates: Updates, batches: Batch) -> int:
    """The largest divisor of the batch that an update can take; 0 if none can."""
    size, parts = updates.config.batch_size, updates.config.accumulate * updates.backend.num_devices
    for part in range(size - parts, 0, -parts):
        if size % part == 0 and _fits(updates, {name: value[:1, :part] for name, value in batches.items()}):
            return part
    return 0


def _fits(updates: Updates, batches: Batch) -> bool:
    updates.state = updates.start()  # the one before is gone with the failed call
    try:
        np.asarray(updates(batches))
    except Exception as error:
        if not updates.backend.is_out_of_memory(error):
            raise
        return False
    return True
