"""AdamW with warm-up, cosine and loss scaling, and the running average of the weights: from a state to the next."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from scanml.structures.arrays import Tensor
from scanml.training.config import TrainConfig
from scanml.training.packing import State

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7  # Keras's defaults
# Micikevicius et al. 2018, sec. 3.2, with the numbers of TensorFlow's and PyTorch's loss scalers.
FIRST_SCALE, UPDATES_TO_DOUBLE = 2.0**15, 2_000


class AdamW:
    """Loshchilov & Hutter 2019, algorithm 2, over vectors of which the first decays; see `Packing.weights`.

    The rate rises linearly over the warm-up and falls as a cosine (Loshchilov & Hutter 2017) to its final fraction;
    gradients are clipped by their global norm. In float16 the loss is scaled up, so that small gradients do not vanish:
    an update whose gradients overflow is left out and the scale halved, and doubled after 2,000 good ones.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config, self.schedule = config, _schedule(config)
        self.scales = config.precision == "mixed_float16"

    def start(self, weights: Sequence[Tensor]) -> State:
        """`first` and `second` moments, and `counters`: updates done, loss scale, good updates since it changed."""
        zeros = [[ops.zeros_like(vector) for vector in weights] for _ in range(2)]
        scale = ops.convert_to_tensor(FIRST_SCALE if self.scales else 1.0, "float32")
        count = ops.zeros((), "int32")
        return {"first": zeros[0], "second": zeros[1], "counters": [count, scale, count]}

    def update(self, state: State, gradients: Sequence[Tensor]) -> State:
        """The state after an update with `gradients` of the weights, still multiplied by the loss scale."""
        step, scale, good = state["counters"]
        gradients = [gradient / scale for gradient in gradients]
        norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
        moved = self._move(state, gradients, norm)
        if not self.scales:
            return moved | {"counters": [step + 1, scale, good]}
        finite = ops.isfinite(norm)
        chosen = {
            name: [ops.where(finite, new, old) for new, old in zip(values, state[name], strict=True)]
            for name, values in moved.items()
        }
        full = good + 1 >= UPDATES_TO_DOUBLE
        scale = ops.where(finite, ops.where(full, scale * 2, scale), ops.maximum(scale / 2, 1.0))
        good = ops.where(finite & ops.logical_not(full), good + 1, 0)
        return chosen | {"counters": [step + 1, scale, good]}

    def _move(self, state: State, gradients: Sequence[Tensor], norm: Tensor) -> State:
        clip, step = self.config.clip_norm, state["counters"][0]
        rate, done = self.schedule(step), ops.cast(step + 1, "float32")
        size = rate * ops.sqrt(1 - ops.power(BETA2, done)) / (1 - ops.power(BETA1, done))
        shrink = ops.minimum(1.0, clip / ops.maximum(norm, 1e-30))  # no gradient at all is not clipped either
        moved: State = {"weights": [], "first": [], "second": []}
        for i, gradient in enumerate(gradients):
            gradient = gradient * shrink
            first = BETA1 * state["first"][i] + (1 - BETA1) * gradient
            second = BETA2 * state["second"][i] + (1 - BETA2) * ops.square(gradient)
            weights = state["weights"][i] * (1 - rate * self.config.weight_decay) if i == 0 else state["weights"][i]
            moved["weights"].append(weights - size * first / (ops.sqrt(second) + EPSILON))
            moved["first"].append(first)
            moved["second"].append(second)
        return moved


def move_average(average: Sequence[Tensor], values: Sequence[Tensor], *, step: Tensor, decay: float) -> list[Tensor]:
    """The running average after update `step`, counted from 0."""
    rate = average_rate(step, decay)
    return [a + rate * (value - a) for a, value in zip(average, values, strict=True)]


def average_rate(step: Tensor, decay: float) -> Tensor:
    """How far the average moves towards the weights at update `step` (from 0): far at first, 1 - `decay` at last."""
    step = ops.cast(step, "float32")
    return 1.0 - ops.minimum(decay, (1.0 + step) / (10.0 + step))


def averaged(model: keras.Model) -> list[keras.Variable]:
    """The variables that are averaged: everything learned, and the statistics of normalization."""
    return [v for v in model.weights if keras.backend.is_float_dtype(v.dtype)]


def _schedule(config: TrainConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    warmup = min(config.warmup_steps, config.steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100 if warmup else config.learning_rate,
        decay_steps=max(1, config.steps - warmup),
        alpha=config.final_rate,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
