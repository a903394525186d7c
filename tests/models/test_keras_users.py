"""Detector and classifier as ordinary Keras models: `compile`, `fit`, `summary`, `.keras`; on both backends."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from oracles.keras_fit import EPOCHS, run
from oracles.tiny_training import CONFIGS, LABELS, batch

from scanml.datasets import AugmentConfig, BatchSource
from scanml.errors import ConfigError
from scanml.models import SceneClassifier, SceneDetector
from scanml.models.build import build_model
from scanml.training import FitBatches, attach_loss

TESTS = Path(__file__).parents[1]


def check(task, result):
    assert result["gap"] < 1e-5  # of gradients around 0.1: float32 sums in another order
    losses = result["losses"]
    assert len(losses) == EPOCHS and np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < losses[0] / 2
    assert result["iterations"] == [EPOCHS + 1, EPOCHS + 1]  # the optimizer is saved too
    assert result["logged"] == result["measured"]  # the callback has seen the weights of its epoch
    assert (max(map(max, result["logged"]), default=0) > 0) == (task == "detector")


@pytest.mark.parametrize("task", CONFIGS)
def test_fit_minimizes_our_loss_with_our_gradients(task, tmp_path):
    check(task, run(task, tmp_path / "model.keras"))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (the extra `jax`)")
def test_fit_does_so_on_jax(tmp_path):
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # JAX would compile longer than it trains
    }
    command = [sys.executable, "-m", "oracles.keras_fit", "detector", str(tmp_path / "model.keras")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    check("detector", json.loads(done.stdout))


@pytest.mark.parametrize("task", CONFIGS)
def test_a_saved_model_loads_without_the_code_that_trained_it(task, tmp_path):
    model = attach_loss(build_model(CONFIGS[task], LABELS))
    model.compile("adam")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "outputs.npy", keras.ops.convert_to_numpy(next(iter(model(batch(0)["image"]).values()))))
    script = (
        "import keras, numpy as np, sys\n"
        "from scanml.models import SceneClassifier, SceneDetector\n"
        "from oracles.tiny_training import batch\n"
        "model = keras.saving.load_model('model.keras')\n"
        "assert 'scanml.training.objectives' not in sys.modules\n"
        "found = keras.ops.convert_to_numpy(list(model(batch(0)['image']).values())[0])\n"
        "np.testing.assert_array_equal(found, np.load('outputs.npy'))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(("task", "kind"), [("detector", SceneDetector), ("classifier", SceneClassifier)])
def test_it_is_a_keras_model_with_a_summary(task, kind):
    model = build_model(CONFIGS[task], LABELS)
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert isinstance(model, kind) and isinstance(model, keras.Model)
    assert f"{model.count_params():,}" in "\n".join(lines)


@pytest.mark.parametrize("pixels_on", ["host", "device"])
def test_batches_for_fit_have_one_shape_and_go_on_from_epoch_to_epoch(data, pixels_on):
    augment = AugmentConfig(pixels_on=pixels_on)
    source = BatchSource(data.train, "detector", image_size=(64, 64), batch_size=4, augment=augment, seed=0)
    batches = FitBatches(source, num_batches=3)
    most = max(len(record.labels) for record in data.train.records)
    first = [batches[index] for index in range(len(batches))]
    batches.on_epoch_end()
    for step, (image, truth) in enumerate([*first, batches[0]]):
        plain = source.batch(step)
        assert image.shape == (4, 64, 64, 3)
        if pixels_on == "host":
            np.testing.assert_array_equal(image, plain["image"])
        assert truth["boxes"].shape == (4, most, 4) and truth["crowd"].dtype == bool
        kept = plain["labels"] >= 0
        np.testing.assert_array_equal(truth["boxes"][truth["labels"] >= 0], plain["boxes"][kept])


def test_fit_learns_from_them(data):
    source = BatchSource(data.train, "classifier", image_size=(64, 64), batch_size=4, augment=AugmentConfig(), seed=0)
    model = attach_loss(build_model(CONFIGS["classifier"], data.train.labels))
    model.compile("adam")
    history = model.fit(FitBatches(source, num_batches=2), epochs=2, verbose=0).history
    assert len(history["loss"]) == 2 and np.isfinite(history["loss"]).all()


def test_weights_per_sample_are_refused():
    model = attach_loss(build_model(CONFIGS["classifier"], LABELS))
    with pytest.raises(ConfigError, match="no weight per sample"):
        model.compute_loss(None, {}, {}, np.ones(4))
