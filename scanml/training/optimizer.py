"""AdamW with warm-up and cosine, and the running average of the weights."""

from __future__ import annotations

import keras

from scanml.structures.arrays import Tensor
from scanml.training.config import TrainConfig


def build_optimizer(model: keras.Model, config: TrainConfig) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) whose decay leaves out vectors and scalars, clipped by global norm.

    The rate rises linearly over the warm-up and falls as a cosine (Loshchilov & Hutter 2017) to its final fraction.
    """
    warmup = min(config.warmup_steps, config.steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100 if warmup else config.learning_rate,
        decay_steps=max(1, config.steps - warmup),
        alpha=config.final_rate,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm)
    optimizer.exclude_from_weight_decay(var_list=[v for v in model.trainable_variables if len(v.shape) < 2])
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def averaged(model: keras.Model) -> list[keras.Variable]:
    """The variables that are averaged: everything learned, and the statistics of normalization."""
    return [v for v in model.weights if keras.backend.is_float_dtype(v.dtype)]


def average_rate(step: Tensor, decay: float) -> Tensor:
    """How far the average moves towards the weights at update `step` (from 0): far at first, 1 - `decay` at last."""
    step = keras.ops.cast(step, "float32")
    return 1.0 - keras.ops.minimum(decay, (1.0 + step) / (10.0 + step))
