"""Losses of one device, of one in two micro-batches, and of two, as JSON: `python -m oracles.two_devices`."""

from __future__ import annotations

import json
import sys

import keras
from oracles.tiny_training import build, losses_of

from scanml.training import TrainConfig

WAYS = {"one": {}, "micro-batches": {"accumulate": 2}, "all": {"devices": "all"}}


def main() -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    results, start = {}, None
    for name, settings in WAYS.items():
        updates = build("classifier", TrainConfig(steps=20, batch_size=4, **settings))
        start = start or updates.fetch()
        updates.load(start)
        results[name] = losses_of(updates, range(3), task="classifier")
        if name == "all":
            assert updates.backend.num_devices == 2
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
