"""A model's variables as a few vectors: a tenth of the operations to trace and run, and one state to carry and save."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import keras
from keras import ops

from scanml.structures.arrays import Tensor

State = dict[str, list[Tensor]]  # every tensor that changes while a model is trained; see `training.step`


class Packing:
    """Which variable lies where.

    `weights` are two vectors: kernels, which weight decay shrinks, and biases and scales, which it does not. `fixed` is
    what no gradient changes: one vector of normalization's statistics, then the whole-number seeds of dropout.
    """

    def __init__(self, model: keras.Model) -> None:
        self.trainable, self.untrained = model.trainable_variables, model.non_trainable_variables
        self.groups = [
            _Group(self.trainable, [i for i, v in enumerate(self.trainable) if (len(v.shape) > 1) == is_kernel])
            for is_kernel in (True, False)
        ]
        floats = [i for i, v in enumerate(self.untrained) if keras.backend.is_float_dtype(v.dtype)]
        self.statistics = _Group(self.untrained, floats)
        self.seeds = sorted(set(range(len(self.untrained))) - set(floats))

    def weights(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Values of the trainable variables → two vectors."""
        return [group.pack(values) for group in self.groups]

    def trainable_values(self, weights: Sequence[Tensor]) -> list[Tensor]:
        """Two vectors → values of the trainable variables, in their order."""
        values: list[Tensor] = [None] * len(self.trainable)
        for group, vector in zip(self.groups, weights, strict=True):
            group.unpack(vector, values)
        return values

    def fixed(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Values of the other variables → statistics and seeds."""
        return [self.statistics.pack(values), *(values[i] for i in self.seeds)]

    def fixed_values(self, fixed: Sequence[Tensor]) -> list[Tensor]:
        """Statistics and seeds → values of the other variables, in their order."""
        values: list[Tensor] = [None] * len(self.untrained)
        self.statistics.unpack(fixed[0], values)
        for i, seed in zip(self.seeds, fixed[1:], strict=True):
            values[i] = seed
        return values

    def read(self) -> tuple[list[Tensor], list[Tensor]]:
        """(weights, fixed) as the model's variables hold them now."""
        return self.weights([v.value for v in self.trainable]), self.fixed([v.value for v in self.untrained])

    def write(self, weights: Sequence[Tensor], fixed: Sequence[Tensor]) -> None:
        """Put both into the model's variables."""
        values = [*self.trainable_values(weights), *self.fixed_values(fixed)]
        for variable, value in zip([*self.trainable, *self.untrained], values, strict=True):
            variable.assign(value)


class _Group:
    """Some variables, by their places in a list, one after the other in one float32 vector."""

    def __init__(self, variables: Sequence[keras.Variable], places: Sequence[int]) -> None:
        self.places = places
        self.shapes = [tuple(variables[i].shape) for i in places]
        self.cuts = list(itertools.accumulate(math.prod(shape) for shape in self.shapes))[:-1]

    def pack(self, values: Sequence[Tensor]) -> Tensor:
        parts = [ops.reshape(ops.cast(values[i], "float32"), (-1,)) for i in self.places]
        return ops.concatenate(parts) if parts else ops.zeros((0,), "float32")

    def unpack(self, vector: Tensor, into: list[Tensor]) -> None:
        parts = ops.split(vector, self.cuts) if self.cuts else [vector]
        for i, shape, part in zip(self.places, self.shapes, parts, strict=False):
            into[i] = ops.reshape(part, shape)
