import keras
import numpy as np
import pytest
from oracles.tiny_training import batch, build

from scanml.errors import ModelError
from scanml.training import TrainConfig
from scanml.training.step import build_step


@pytest.fixture
def policy():
    """Sets the precision as `training.device` does, and takes it back."""
    yield keras.mixed_precision.set_global_policy
    keras.mixed_precision.set_global_policy("float32")


def values(variables):
    return [np.array(v) for v in variables]


@pytest.mark.parametrize("task", ["detector", "classifier"])
def test_the_loss_of_one_batch_falls(task):
    step = build(task, TrainConfig(steps=25, batch_size=4, warmup_steps=2))
    losses = [float(step(batch(0, task=task))["loss"]) for _ in range(25)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] / 2


def test_the_average_follows_the_weights_after_each_update():
    step = build("classifier", TrainConfig(steps=20, batch_size=4, average_decay=0.5))
    expected = values(step.average)
    for update in range(4):
        step(batch(update, task="classifier"))
        rate = 1 - min(0.5, (1 + update) / (10 + update))
        expected = [a + rate * (w - a) for a, w in zip(expected, values(step.sources), strict=True)]
    for found, wanted in zip(values(step.average), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)  # a few float32 roundings


def test_statistics_of_normalization_are_averaged_too():
    step = build("classifier")
    assert any(v.path.endswith("moving_variance") for v in step.sources)


def test_its_variables_are_all_that_a_resumed_training_needs():
    first, second = build("classifier"), build("classifier")
    for update in range(3):
        first(batch(update, task="classifier"))
    first.sync()
    for name, variables in second.variables.items():
        for variable, value in zip(variables, values(first.variables[name]), strict=True):
            variable.assign(value)
    second.reload()
    losses = [[float(step(batch(update, task="classifier"))["loss"]) for update in (3, 4)] for step in (first, second)]
    assert losses[0] == losses[1]
    for one, other in zip(values(first.average), values(second.average), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("task", "precision"),
    [("detector", "mixed_float16"), ("classifier", "mixed_float16"), ("classifier", "mixed_bfloat16")],
)
def test_half_precision_trains_float32_weights(policy, task, precision):
    policy(precision)
    step = build(task, TrainConfig(steps=20, batch_size=4, precision=precision, warmup_steps=0))
    before = values(step.model.trainable_variables)
    losses = [float(step(batch(0, task=task))["loss"]) for _ in range(4)]
    after = values(step.model.trainable_variables)
    assert np.isfinite(losses).all()
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in after)
    assert sum((a != b).any() for a, b in zip(after, before, strict=True)) > len(after) / 2


def test_an_unknown_backend_is_refused_with_the_known_ones(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ModelError, match="training runs on tensorflow, jax; Keras runs on 'torch'"):
        build_step(keras.Model(), TrainConfig())


def test_what_the_loss_does_not_reach_stays():
    step = build("classifier", TrainConfig(steps=20, batch_size=4, weight_decay=0.0))
    head = step.model.get_layer("logits")
    step.objective = lambda *_: {"loss": keras.ops.mean(keras.ops.square(head.kernel.value))}
    before = values(step.model.trainable_variables)
    step(batch(0, task="classifier"))
    moved = [(a != b).any() for a, b in zip(values(step.model.trainable_variables), before, strict=True)]
    assert moved == [v is head.kernel for v in step.model.trainable_variables]
