"""The gradient of a scalar function of one tensor, whichever backend Keras runs on."""

from __future__ import annotations

import keras
import numpy as np


def gradient(function, value):
    """d `function` / d `value` as a NumPy array."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(value)))
    import tensorflow as tf

    value = tf.constant(value)
    with tf.GradientTape() as tape:
        tape.watch(value)
        result = function(value)
    return tape.gradient(result, value, unconnected_gradients="zero").numpy()
