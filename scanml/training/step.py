"""One compiled update, for TensorFlow and for JAX: differentiate, clip, apply, average."""

from __future__ import annotations

from typing import Protocol

import keras
from keras import ops

from scanml.errors import ModelError
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch, Outputs
from scanml.training.config import TrainConfig
from scanml.training.objectives import OBJECTIVES
from scanml.training.optimizer import PackedOptimizer, average_rate, averaged


class Update(Protocol):
    """A model in training. `variables` are what a checkpoint holds, in a fixed order; `sync` makes them current."""

    model: keras.Model
    variables: dict[str, list[keras.Variable]]

    def __call__(self, batch: Batch) -> Outputs: ...

    def sync(self) -> None: ...

    def reload(self) -> None: ...


def build_step(model: keras.Model, config: TrainConfig) -> Update:
    """The update of `model` for the backend that Keras runs on."""
    kinds: dict[str, type[TensorFlowStep] | type[JaxStep]] = {"tensorflow": TensorFlowStep, "jax": JaxStep}
    backend = keras.backend.backend()
    if backend not in kinds:
        raise ModelError(f"training runs on {', '.join(kinds)}; Keras runs on {backend!r}. Set KERAS_BACKEND.")
    return kinds[backend](model, config)


class _State:
    """Model, optimizer and average as named lists of variables."""

    def __init__(self, model: keras.Model, config: TrainConfig) -> None:
        self.model, self.decay = model, config.average_decay
        self.objective = OBJECTIVES[model.task](model)
        self.packed = PackedOptimizer(model, config)
        self.optimizer = self.packed.inner
        self.sources = averaged(model)
        start = [
            ops.convert_to_numpy(v) for v in self.sources
        ]  # a copy: given a tf.Variable, Keras would keep that one
        self.average = [keras.Variable(v, trainable=False, name=f"average_{i}") for i, v in enumerate(start)]
        self.variables = {"model": model.weights, "optimizer": self.optimizer.variables, "average": self.average}

    def sync(self) -> None:
        """Nothing to do where updates write into the variables."""

    def reload(self) -> None:
        """Nothing to do where updates read the variables."""


class TensorFlowStep(_State):
    """The update as a `tf.function`; state lives in the variables."""

    def __init__(self, model: keras.Model, config: TrainConfig) -> None:
        import tensorflow as tf

        super().__init__(model, config)
        self.update = tf.function(self._update, reduce_retracing=True, autograph=False)
        self.gradient_tape = tf.GradientTape

    def __call__(self, batch: Batch) -> Outputs:
        return dict(self.update(batch))

    def _update(self, batch: Batch) -> Outputs:
        with self.gradient_tape() as tape:
            terms = self.objective(self.model(batch["image"], training=True), batch)
            loss = self.optimizer.scale_loss(terms["loss"])
        rate = average_rate(self.optimizer.iterations, self.decay)
        weights = self.model.trainable_variables
        gradients = tape.gradient(loss, [w.value for w in weights], unconnected_gradients="zero")
        for vector, values in zip(self.packed.vectors, self.packed.pack(weights), strict=True):
            vector.assign(values)
        self.optimizer.apply(self.packed.pack(gradients))
        for weight, value in zip(weights, self.packed.unpack(self.packed.vectors), strict=True):
            weight.assign(value)
        for average, source in zip(self.average, self.sources, strict=True):
            average.assign_add(rate * (ops.cast(source, average.dtype) - average))
        return terms


class JaxStep(_State):
    """The update as a jitted function of donated state; `sync` and `reload` copy it out of and into the variables."""

    def __init__(self, model: keras.Model, config: TrainConfig) -> None:
        import jax

        super().__init__(model, config)
        index = {id(v): i for i, v in enumerate([*model.trainable_variables, *model.non_trainable_variables])}
        self.places = [index[id(v)] for v in self.sources]
        self.gradient = jax.value_and_grad(self._loss, has_aux=True)
        self.update = jax.jit(self._update, donate_argnums=0)
        self.copy = jax.numpy.array
        self.state: Tensor = ()
        self.reload()

    def __call__(self, batch: Batch) -> Outputs:
        self.state, terms = self.update(self.state, batch)
        return dict(terms)

    def sync(self) -> None:
        for variables, values in zip(self._lists(), self.state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def reload(self) -> None:
        self.state = tuple([self.copy(v.value, copy=True) for v in variables] for variables in self._lists())

    def _lists(self) -> tuple[list[keras.Variable], ...]:
        model = self.model
        return model.trainable_variables, model.non_trainable_variables, self.optimizer.variables, self.average

    def _loss(
        self, trainable: Tensor, fixed: Tensor, optimizer: Tensor, batch: Batch
    ) -> tuple[Tensor, tuple[Tensor, Outputs]]:
        outputs, fixed = self.model.stateless_call(trainable, fixed, batch["image"], training=True)
        terms = self.objective(outputs, batch)
        with keras.StatelessScope(state_mapping=list(zip(self.optimizer.variables, optimizer, strict=True))):
            return self.optimizer.scale_loss(terms["loss"]), (fixed, terms)

    def _update(self, state: Tensor, batch: Batch) -> tuple[Tensor, Outputs]:
        trainable, fixed, optimizer, average = state
        (_, (fixed, terms)), gradients = self.gradient(trainable, fixed, optimizer, batch)
        rate = average_rate(optimizer[self._iterations()], self.decay)
        pack = self.packed.pack
        vectors, optimizer = self.optimizer.stateless_apply(optimizer, pack(gradients), pack(trainable))
        trainable = self.packed.unpack(vectors)
        current = [*trainable, *fixed]
        average = [a + rate * (current[p] - a) for a, p in zip(average, self.places, strict=True)]
        return (list(trainable), list(fixed), list(optimizer), average), terms

    def _iterations(self) -> int:
        return next(i for i, v in enumerate(self.optimizer.variables) if v is self.optimizer.iterations)
