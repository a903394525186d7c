import math

import keras
import numpy as np
import pytest
from oracles.adamw import adamw

from scanml.training import TrainConfig
from scanml.training.optimizer import FIRST_SCALE, UPDATES_TO_DOUBLE, AdamW, average_rate
from scanml.training.packing import Packing


def small_network():
    image = keras.Input((8,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(5)(image))
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Dropout(0.5)(hidden)))


def begin(model, config):
    packing, optimizer = Packing(model), AdamW(config)
    weights, _ = packing.read()
    return packing, optimizer, {"weights": weights} | optimizer.start(weights)


def naive_rate(step, config):
    warmup = min(config.warmup_steps, config.steps // 10)
    if step < warmup:
        return config.learning_rate * (0.01 + 0.99 * step / warmup)
    progress = min(1.0, (step - warmup) / (config.steps - warmup))
    fraction = config.final_rate + (1 - config.final_rate) * (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * fraction


@pytest.mark.parametrize("steps", [5, 40, 400])
def test_the_rate_rises_linearly_and_falls_as_a_cosine(steps):
    config = TrainConfig(steps=steps, warmup_steps=30)
    schedule = AdamW(config).schedule
    for step in range(steps + 3):
        assert float(schedule(step)) == pytest.approx(naive_rate(step, config), rel=1e-4)  # cosine in float32


def test_packed_it_is_adamw_variable_by_variable(rng):
    config = TrainConfig(steps=50, weight_decay=0.1, clip_norm=3.0)
    model = small_network()
    packing, optimizer, state = begin(model, config)
    start = [np.asarray(v) for v in model.trainable_variables]
    # norms around 1 and around 20: unclipped and clipped
    gradients = [[rng.normal(0, size, v.shape).astype(np.float32) for v in start] for size in (0.1, 2.0, 0.1, 2.0)]
    for step in gradients:
        state = optimizer.update(state, packing.weights(step))
    expected = adamw(start, gradients, rate=lambda t: naive_rate(t, config), decay=0.1, clip_norm=3.0)
    for found, wanted in zip(packing.trainable_values(state["weights"]), expected, strict=True):
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-4, atol=1e-6)  # float32, four updates of 1e-3


def test_biases_and_normalization_do_not_decay():
    config = TrainConfig(steps=1, weight_decay=0.5, learning_rate=0.1)
    model = small_network()
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    packing, optimizer, state = begin(model, config)
    state = optimizer.update(state, [np.zeros_like(vector) for vector in state["weights"]])
    values = packing.trainable_values(state["weights"])
    for variable, value in zip(model.trainable_variables, values, strict=True):
        expected = 1 - 0.1 * 0.5 if len(variable.shape) > 1 else 1.0
        np.testing.assert_allclose(np.asarray(value), expected, rtol=1e-6)


def test_a_gradient_that_overflows_moves_nothing_and_halves_the_scale():
    config = TrainConfig(steps=10, precision="mixed_float16", warmup_steps=0)
    _, optimizer, state = begin(small_network(), config)
    assert float(state["counters"][1]) == FIRST_SCALE
    lost = optimizer.update(state, [np.full_like(vector, np.inf) for vector in state["weights"]])
    for name in ("weights", "first", "second"):
        for found, wanted in zip(lost[name], state[name], strict=True):
            np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    assert [float(value) for value in lost["counters"]] == [1, FIRST_SCALE / 2, 0]


def test_the_scale_doubles_after_many_good_updates_and_does_not_change_the_step():
    config = TrainConfig(steps=10, precision="mixed_float16", warmup_steps=0)
    _, optimizer, state = begin(small_network(), config)
    state["counters"][2] = np.int32(UPDATES_TO_DOUBLE - 1)
    gradients = [np.full_like(vector, FIRST_SCALE) for vector in state["weights"]]
    grown = optimizer.update(state, gradients)
    assert [float(value) for value in grown["counters"]] == [1, FIRST_SCALE * 2, 0]
    _, plain, other = begin(small_network(), TrainConfig(steps=10, warmup_steps=0))
    other["weights"] = state["weights"]
    unscaled = plain.update(other, [np.ones_like(vector) for vector in gradients])
    for found, wanted in zip(grown["weights"], unscaled["weights"], strict=True):
        np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-6)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.9), (1, 9 / 11), (90, 9 / 100), (10**6, 0.002)])
def test_the_average_forgets_its_start_quickly(step, rate):
    assert float(average_rate(step, 0.998)) == pytest.approx(rate, rel=1e-3)  # 1 - 0.998 in float32
