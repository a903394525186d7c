"""What is set once for a process, before the first tensor: backend, seed, precision, determinism."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from scanml.errors import ConfigError
from scanml.training.config import TrainConfig


def choose_backend(backend: str) -> None:
    """Make Keras use `backend`; it can be chosen only once in a process.

    Raises:
        ConfigError: Keras runs on another backend already.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # TensorFlow leaves it off without AVX-512: a third slower
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backend
    import keras

    if keras.backend.backend() != backend:
        raise ConfigError(
            f"train.backend is {backend!r}, but this process runs Keras on {keras.backend.backend()!r}; "
            f"start a new one with KERAS_BACKEND={backend}."
        )


def prefer_backend(backend: str) -> None:
    """Make Keras use `backend` if no backend has been chosen in this process yet."""
    if "keras" not in sys.modules:
        choose_backend(backend)


def prepare(config: TrainConfig) -> None:
    """Backend, seed and deterministic kernels for a training run; the last two stay set for the process."""
    choose_backend(config.backend)
    import keras

    keras.utils.set_random_seed(config.seed)
    if config.backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def compute_in(precision: str) -> Iterator[None]:
    """Layers built here compute in `precision`, one of `TrainConfig.precision`."""
    import keras

    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
