"""What differs between TensorFlow and JAX: a loop inside a compiled call, gradients, XLA, several devices."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, Protocol

import keras

from scanml.errors import ModelError
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch
from scanml.training.config import TrainConfig
from scanml.training.packing import State

Body = Callable[[Any, Batch], tuple[Any, Tensor]]  # (carry, batch) → the next carry and a row of terms
Loss = Callable[[list[Tensor], list[Tensor], Tensor, Batch], tuple[Tensor, Any]]  # (weights, fixed, scale, batch)
Gradient = Callable[[list[Tensor], list[Tensor], Tensor, Batch], tuple[list[Tensor], Any]]
Compiled = Callable[[State, Batch], tuple[State, Tensor]]  # K updates

_UNSUPPORTED = re.compile(r"unsupported operations.*?: *(\w+)|No registered '(\w+)'|(\w+) \(No registered", re.DOTALL)
_log = logging.getLogger(__name__)


class Backend(Protocol):
    """How updates run."""

    @property
    def num_devices(self) -> int:
        """Each takes its share of a batch."""

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether `error` says that a batch does not fit."""

    def scan(self, body: Body, carry: Any, batches: Batch) -> tuple[Any, Tensor]:
        """`body` for each of the stacked batches, one after the other: the last carry, and the rows (K, N)."""

    def differentiate(self, loss: Loss) -> Gradient:
        """From a loss with something beside it → the gradients of its weights, with the same beside them."""

    def fuse(self, update: Body) -> Body:
        """One update as what XLA compiles, where it does."""

    def compile(self, updates: Compiled) -> Compiled:
        """`updates` as one call on the device; the state that it is given is gone afterwards."""

    def place(self, state: State) -> State:
        """The state where `updates` wants it."""


def build_backend(config: TrainConfig) -> Backend:
    """The one that Keras runs on.

    Raises:
        ModelError: neither TensorFlow nor JAX.
    """
    kinds: dict[str, type[TensorFlowBackend] | type[JaxBackend]] = {"tensorflow": TensorFlowBackend, "jax": JaxBackend}
    name = keras.backend.backend()
    if name not in kinds:
        raise ModelError(f"training runs on {', '.join(kinds)}; Keras runs on {name!r}. Set KERAS_BACKEND.")
    return kinds[name](config)


class TensorFlowBackend:
    """A `tf.function` over a `tf.while_loop`; several devices by `tf.distribute`, each with its share of a batch.

    Every device normalizes by the statistics of its share, and their running means are averaged.
    """

    def __init__(self, config: TrainConfig) -> None:
        import tensorflow as tf

        self.tf = tf
        gpus = tf.config.list_logical_devices("GPU")
        devices = gpus or tf.config.list_logical_devices("CPU")
        self.strategy: Any = tf.distribute.MirroredStrategy(devices) if config.devices == "all" else None
        self.num_devices = len(devices) if self.strategy else 1
        # On a CPU TensorFlow's own convolutions (oneDNN) are as fast, and start without a minute of compiling.
        self.xla = config.xla == "on" or (config.xla == "auto" and bool(gpus) and not self.strategy)

    def scan(self, body: Body, carry: Any, batches: Batch) -> tuple[Any, Tensor]:
        tf = self.tf
        count = tf.shape(next(iter(batches.values())))[0]

        def once(i: Tensor, carry: Any, rows: Tensor) -> tuple[Tensor, Any, Tensor]:
            carry, row = body(carry, {name: value[i] for name, value in batches.items()})
            return i + 1, carry, rows.write(i, row)

        start = (tf.constant(0), carry, tf.TensorArray(tf.float32, size=count))
        _, carry, rows = tf.while_loop(lambda i, *_: i < count, once, start, parallel_iterations=1)
        return carry, rows.stack()

    def differentiate(self, loss: Loss) -> Gradient:
        def gradient(weights: list[Tensor], *rest: Any) -> tuple[list[Tensor], Any]:
            with self.tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                value, beside = loss(weights, *rest)
            return tape.gradient(value, weights, unconnected_gradients="zero"), beside

        return gradient if self.strategy is None else self._on_every_device(gradient)

    def _on_every_device(self, gradient: Gradient) -> Gradient:
        strategy = self.strategy

        def share(weights: list[Tensor], fixed: list[Tensor], scale: Tensor, batch: Batch) -> tuple[list[Tensor], Any]:
            index = self.tf.distribute.get_replica_context().replica_id_in_sync_group
            shares = {name: self.tf.stack(self.tf.split(value, self.num_devices)) for name, value in batch.items()}
            return gradient(weights, fixed, scale, {name: values[index] for name, values in shares.items()})

        def mean(value: Tensor) -> Tensor:
            values = strategy.experimental_local_results(value)
            return sum(values[1:], values[0]) / len(values) if values[0].dtype.is_floating else values[0]

        def everywhere(*arguments: Any) -> tuple[list[Tensor], Any]:
            return self.tf.nest.map_structure(mean, strategy.run(share, args=arguments))  # type: ignore[no-any-return]

        return everywhere

    def fuse(self, update: Body) -> Body:
        fused = self.tf.function(update, autograph=False, jit_compile=True)
        return lambda carry, batch: (fused if self.xla else update)(carry, batch)

    def compile(self, updates: Compiled) -> Compiled:
        # Twice the same: each is traced when it is first called, the second where XLA was given up by then.
        fast, plain = (self.tf.function(updates, reduce_retracing=True, autograph=False) for _ in range(2))
        if not self.xla:
            return plain  # type: ignore[no-any-return]

        def call(state: State, batches: Batch) -> tuple[State, Tensor]:
            if self.xla:
                try:
                    return fast(state, batches)  # type: ignore[no-any-return]
                except (self.tf.errors.InvalidArgumentError, self.tf.errors.UnimplementedError) as error:
                    found = _UNSUPPORTED.search(str(error))
                    if found is None:
                        raise
                    operation = next(filter(None, found.groups()))
                    _log.warning("XLA cannot compile %s; going on without it, as train.xla=off would.", operation)
                    self.xla = False
            return plain(state, batches)  # type: ignore[no-any-return]

        return call

    def place(self, state: State) -> State:
        return state

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, self.tf.errors.ResourceExhaustedError)


class JaxBackend:
    """A jitted `lax.scan` of donated state; several devices by `keras.distribution`, as if they were one."""

    def __init__(self, config: TrainConfig) -> None:
        import jax

        self.jax = jax
        self.mesh = None
        if config.devices == "all":
            devices = keras.distribution.list_devices()
            self.mesh = keras.distribution.DeviceMesh((len(devices),), ["batch"], devices)
        self.num_devices = len(keras.distribution.list_devices()) if self.mesh else 1

    def scan(self, body: Body, carry: Any, batches: Batch) -> tuple[Any, Tensor]:
        # One update is no loop: inside of one, a convolution takes a CPU three times as long.
        single = next(iter(batches.values())).shape[0] == 1
        return self.jax.lax.scan(body, carry, batches, unroll=single)  # type: ignore[no-any-return]

    def fuse(self, update: Body) -> Body:
        return update

    def differentiate(self, loss: Loss) -> Gradient:
        both = self.jax.value_and_grad(loss, has_aux=True)

        def gradient(*arguments: Any) -> tuple[list[Tensor], Any]:
            (_, beside), gradients = both(*arguments)
            return gradients, beside

        return gradient

    def compile(self, updates: Compiled) -> Compiled:
        compiled: Compiled = self.jax.jit(updates, donate_argnums=0)
        if self.mesh is None:
            return compiled

        def call(state: State, batches: Batch) -> tuple[State, Tensor]:
            return compiled(state, {name: self._lay(value, (None, "batch")) for name, value in batches.items()})

        return call

    def place(self, state: State) -> State:
        return {name: [self._lay(value, ()) for value in values] for name, values in state.items()}

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, self.jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)

    def _lay(self, value: Tensor, axes: tuple[str | None, ...]) -> Tensor:
        """A copy, spread along `axes` of the mesh."""
        value = self.jax.numpy.array(value, copy=True)
        if self.mesh is None:
            return value
        layout = keras.distribution.TensorLayout([*axes, *[None] * (value.ndim - len(axes))], self.mesh)
        return keras.distribution.distribute_tensor(value, layout)
