import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from oracles.tiny_training import batch, build, losses_of, stacked

from scanml.errors import ModelError
from scanml.training import TrainConfig
from scanml.training.step import Updates

TESTS = Path(__file__).parents[1]


@pytest.fixture
def policy():
    """Sets the precision as `training.device` does, and takes it back."""
    yield keras.mixed_precision.set_global_policy
    keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("task", ["detector", "classifier"])
def test_the_loss_of_one_batch_falls(task):
    updates = build(task, TrainConfig(steps=25, batch_size=4, warmup_steps=2))
    same = stacked([batch(0, task=task)] * 25)
    losses = np.asarray(updates(same))[:, updates.names.index("loss")]
    assert losses.shape == (25,) and np.isfinite(losses).all()
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("task", ["detector", "classifier"])
def test_several_updates_in_one_call_are_the_same_bit_for_bit(task):
    """And batches may be padded to different lengths: padding adds exact zeros."""
    one, many = build(task), build(task)
    many.load(one.fetch())
    assert losses_of(one, range(6), task=task) == losses_of(many, range(6), task=task, at_once=3)
    for name, arrays in one.fetch().items():
        for found, wanted in zip(many.fetch()[name], arrays, strict=True):
            np.testing.assert_array_equal(found, wanted, err_msg=name)


def test_padding_changes_nothing():
    one, other = build("detector"), build("detector")
    other.load(one.fetch())
    padded = batch(0)
    for name, fill in (("boxes", 0), ("labels", -1), ("crowd", False)):
        room = [(0, 0), (0, 32)] + [(0, 0)] * (padded[name].ndim - 2)
        padded[name] = np.pad(padded[name], room, constant_values=fill)
    np.testing.assert_array_equal(np.asarray(one(stacked([batch(0)]))), np.asarray(other(stacked([padded]))))
    np.testing.assert_array_equal(one.fetch()["weights"][0], other.fetch()["weights"][0])


def test_the_average_follows_the_weights_after_each_update():
    updates = build("classifier", TrainConfig(steps=20, batch_size=4, average_decay=0.5))
    expected = updates.fetch()["average"]
    for step in range(4):
        updates(stacked([batch(step, task="classifier")]))
        rate, state = 1 - min(0.5, (1 + step) / (10 + step)), updates.fetch()
        current = [*state["weights"], state["fixed"][0]]
        expected = [a + rate * (w - a) for a, w in zip(expected, current, strict=True)]
    for found, wanted in zip(updates.fetch()["average"], expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)  # a few float32 roundings


def test_the_average_becomes_the_model_with_its_statistics():
    updates = build("classifier", TrainConfig(steps=20, batch_size=4, average_decay=0.5))
    before = {v.path: np.asarray(v) for v in updates.model.weights}
    updates(stacked([batch(0, task="classifier")] * 2))
    updates.use_average()
    after = {v.path: np.asarray(v) for v in updates.model.weights}
    moved = {path for path in after if (after[path] != before[path]).any()}
    assert any(path.endswith("moving_variance") for path in moved)
    assert any(path.endswith("kernel") for path in moved)
    packed = updates.packing.weights([after[v.path] for v in updates.model.trainable_variables])
    for found, wanted in zip(packed, updates.fetch()["average"][:2], strict=True):
        np.testing.assert_array_equal(np.asarray(found), wanted)


def test_what_it_fetches_is_all_that_a_resumed_training_needs():
    first, second = build("classifier"), build("classifier")
    losses_of(first, range(3), task="classifier")
    kept = first.fetch()
    second.load(kept)
    assert losses_of(first, range(3, 5), task="classifier") == losses_of(second, range(3, 5), task="classifier")
    for one, other in zip(first.fetch()["average"], second.fetch()["average"], strict=True):
        np.testing.assert_array_equal(one, other)
    assert int(kept["counters"][0]) == 3  # a copy: two more updates did not touch it


def test_micro_batches_give_the_mean_of_their_gradients():
    """Two of them against the two halves on their own, from the same state: AdamW's first moment is (1 - β₁) g."""
    config = TrainConfig(steps=20, batch_size=4, clip_norm=1e9)
    whole, half = build("classifier", TrainConfig(**vars(config) | {"accumulate": 2})), build("classifier", config)
    start, images = whole.fetch(), batch(0, task="classifier")
    whole(stacked([images]))
    moments = []
    for part in (slice(0, 2), slice(2, 4)):
        half.load(start)
        half(stacked([{name: value[part] for name, value in images.items()}]))
        moments.append(half.fetch()["first"][0])
    found = whole.fetch()["first"][0]
    assert np.abs(found).max() > 0
    np.testing.assert_allclose(found, np.mean(moments, axis=0), rtol=1e-4, atol=1e-7)  # float32 sums of both


@pytest.mark.parametrize(
    ("task", "precision"),
    [("detector", "mixed_float16"), ("classifier", "mixed_float16"), ("classifier", "mixed_bfloat16")],
)
def test_half_precision_trains_float32_weights(policy, task, precision):
    policy(precision)
    updates = build(task, TrainConfig(steps=20, batch_size=4, precision=precision, warmup_steps=0))
    before = updates.fetch()["weights"][0]
    rows = np.asarray(updates(stacked([batch(0, task=task)] * 4)))
    after = updates.fetch()["weights"][0]
    assert np.isfinite(rows).all()
    assert after.dtype == np.float32 and np.isfinite(after).all()
    assert (after != before).mean() > 0.5


def test_xla_trains_the_same_model():
    plain, fast = build("classifier"), build("classifier", TrainConfig(steps=20, batch_size=4, xla="on"))
    fast.load(plain.fetch())
    losses = losses_of(plain, range(3), task="classifier"), losses_of(fast, range(3), task="classifier")
    np.testing.assert_allclose(*losses, rtol=1e-3)  # other kernels, other order of sums
    assert fast.backend.xla


def test_xla_says_what_it_cannot_compile_and_goes_on(caplog):
    import tensorflow as tf

    updates = build("classifier", TrainConfig(steps=20, batch_size=4, xla="on"))
    plain = updates.objective

    def objective(outputs, images):
        shown = tf.strings.length(tf.strings.as_string(outputs["trigger_logits"]))
        return plain(outputs, images) | {"digits": tf.reduce_sum(shown)}

    updates.objective = objective
    rows = np.asarray(updates(stacked([batch(0, task="classifier")])))
    assert np.isfinite(rows).all() and not updates.backend.xla
    assert "XLA cannot compile AsString" in caplog.text or "XLA cannot compile StringLength" in caplog.text


def test_an_unknown_backend_is_refused_with_the_known_ones(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ModelError, match="training runs on tensorflow, jax; Keras runs on 'torch'"):
        Updates(keras.Model(), TrainConfig())


def test_what_the_loss_does_not_reach_stays():
    updates = build("classifier", TrainConfig(steps=20, batch_size=4, weight_decay=0.0))
    updates.objective = lambda *_: {"loss": keras.ops.ones(())}
    before = updates.fetch()["weights"]
    updates(stacked([batch(0, task="classifier")]))
    for found, wanted in zip(updates.fetch()["weights"], before, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("backend", "package"), [("tensorflow", "tensorflow"), ("jax", "jax")])
def test_two_devices_train_as_one(backend, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_force_host_platform_device_count=2",
    }
    command = [sys.executable, "-m", "oracles.two_devices"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout)
    # On TensorFlow each device normalizes by its own share of a batch, as a micro-batch does.
    expected = results["micro-batches" if backend == "tensorflow" else "one"]
    np.testing.assert_allclose(results["all"], expected, rtol=1e-4)  # float32 sums in another order
