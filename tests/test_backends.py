"""One model code, two backends: from the same weights and batches, without dropout, training goes the same way."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).parent
STEPS = 20


def run(backend, folder):
    """Losses of 20 updates and the sum of the averaged weights' magnitudes, by task, from a process of its own."""
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # JAX would compile longer than it trains
    }
    command = [sys.executable, "-m", "oracles.tiny_training", str(folder), str(STEPS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (the extra `jax`)")
def test_tensorflow_and_jax_train_alike(tmp_path):
    both = run("tensorflow", tmp_path), run("jax", tmp_path)
    for task in ("detector", "classifier"):
        first, second = (results[task] for results in both)
        # Convolutions sum in another order: 1e-6 apart at the first update. AdamW divides by the root of its second
        # moment, so where gradients are nearly zero such a difference decides a full step: 1 % after 20 of them.
        assert first["losses"][0] == pytest.approx(second["losses"][0], rel=1e-5)
        np.testing.assert_allclose(first["losses"], second["losses"], rtol=0.01)
        assert first["average"] == pytest.approx(second["average"], rel=1e-4)
        assert np.mean(first["losses"][-5:]) < np.mean(first["losses"][:5])  # and it is a training
