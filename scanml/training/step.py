"""Updates of a model as one compiled call: differentiate, clip, apply, average.

Everything that changes is in a `State`, and an update is a pure function from a state to the next:

    weights, first, second     kernels; biases and scales      the network's, and AdamW's moments of them
    fixed                      statistics; seeds               of normalization and dropout
    average                    kernels; biases and scales; statistics
    counters                   updates, loss scale, good updates
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from scanml.errors import ConfigError
from scanml.ops.augment import render
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch
from scanml.training.backends import build_backend
from scanml.training.checkpoint import Arrays
from scanml.training.config import TrainConfig
from scanml.training.objectives import OBJECTIVES
from scanml.training.optimizer import AdamW, move_average
from scanml.training.packing import Packing, State


class Updates:
    """A model in training: called with K batches, stacked along a leading axis, it does K updates.

    `names` are those of the objective's terms, known after the first call.

    Raises:
        ModelError: Keras runs on a backend that is neither TensorFlow nor JAX.
        ConfigError: a batch that the devices cannot share.
    """

    def __init__(self, model: keras.Model, config: TrainConfig) -> None:
        self.backend = build_backend(config)
        if config.batch_size % (config.accumulate * self.backend.num_devices):
            raise ConfigError(
                f"train.batch_size must be a multiple of {config.accumulate} (train.accumulate) × "
                f"{self.backend.num_devices} (devices), received {config.batch_size}."
            )
        self.model, self.config = model, config
        self.objective = OBJECTIVES[model.task](model)
        self.packing, self.optimizer = Packing(model), AdamW(config)
        self.names: tuple[str, ...] = ()
        self.gradient = self.backend.differentiate(self._loss)
        self.fused = self.backend.fuse(self._update)
        self.compiled = self.backend.compile(self._updates)
        self.state = self.start()

    def __call__(self, batches: Batch) -> Tensor:
        """The terms (K, N) of the K updates."""
        self.state, rows = self.compiled(self.state, batches)
        return rows

    def start(self) -> State:
        """The state before the first update of the model's variables as they are."""
        weights, fixed = self.packing.read()
        state = {"weights": weights, "fixed": fixed, "average": [*weights, fixed[0]]}
        return self.backend.place(state | self.optimizer.start(weights))

    def fetch(self) -> Arrays:
        """A copy of the state on the host; later updates do not touch it."""
        return {name: [np.array(value) for value in values] for name, values in self.state.items()}

    def load(self, arrays: Mapping[str, Sequence[object]]) -> None:
        """Go on from a state that `fetch` gave."""
        state = {name: [ops.convert_to_tensor(value) for value in arrays[name]] for name in self.state}
        self.state = self.backend.place(state)

    def use_average(self) -> None:
        """Put the running average into the model's variables."""
        *weights, statistics = self.state["average"]
        self.packing.write(weights, [statistics, *self.state["fixed"][1:]])

    def _updates(self, state: State, batches: Batch) -> tuple[State, Tensor]:
        return self.backend.scan(self.fused, state, batches)

    def _update(self, state: State, batch: Batch) -> tuple[State, Tensor]:
        gradients, fixed, row = self._differentiate(state, batch)
        new = state | self.optimizer.update(state, gradients) | {"fixed": fixed}
        values, step = [*new["weights"], fixed[0]], state["counters"][0]
        average = move_average(state["average"], values, step=step, decay=self.config.average_decay)
        return new | {"average": average}, row

    def _differentiate(self, state: State, batch: Batch) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Gradients, `fixed` and terms of a batch, or the means of its micro-batches, one after the other."""
        weights, scale, count = state["weights"], state["counters"][1], self.config.accumulate
        if count == 1:
            gradients, (fixed, row) = self.gradient(weights, state["fixed"], scale, batch)
            return gradients, fixed, row

        def add(carry: Any, part: Batch) -> tuple[Any, Tensor]:
            totals, fixed = carry
            gradients, (fixed, row) = self.gradient(weights, fixed, scale, part)
            return ([total + g for total, g in zip(totals, gradients, strict=True)], fixed), row

        start = ([ops.zeros_like(vector) for vector in weights], state["fixed"])
        parts = {name: _cut(value, count) for name, value in batch.items()}
        (totals, fixed), rows = self.backend.scan(add, start, parts)
        return [total / count for total in totals], fixed, ops.mean(rows, axis=0)

    def _loss(self, weights: list[Tensor], fixed: list[Tensor], scale: Tensor, batch: Batch) -> tuple[Tensor, Any]:
        """The scaled loss of a batch; beside it the new `fixed`, and all terms (N,)."""
        batch = render(batch, self.model.input_shape[1:3])
        values = self.packing.trainable_values(weights), self.packing.fixed_values(fixed)
        outputs, fixed = self.model.stateless_call(*values, batch["image"], training=True)
        terms = self.objective(outputs, batch)
        self.names = tuple(terms)
        row = ops.stack([ops.cast(value, "float32") for value in terms.values()])
        return terms["loss"] * scale, (self.packing.fixed(fixed), row)


def _cut(value: Tensor, count: int) -> Tensor:
    """(B, …) → (count, B / count, …)."""
    size, *rest = ops.shape(value)
    return ops.reshape(value, (count, size // count, *rest))
