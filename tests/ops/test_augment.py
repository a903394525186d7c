"""The device makes the pictures that the host makes, from the same numbers; boxes are the same arrays."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles.tiny_pictures import CONFIGS, SIZE, device_and_host

from scanml.ops.augment import render


def assert_alike(rendered, expected):
    """Where colors are cut to 0…255 or rounded in another order they differ by a level or two, and hardly anywhere."""
    difference = np.abs(rendered.astype(int) - expected)
    # The host keeps 11 bits of a weight and 10 of a color's factor and rounds twice: 255 · (2 / 2048 + 3 / 1024) + 1.
    assert difference.max() <= 2
    assert difference.mean() < 0.3


@pytest.mark.parametrize("name", CONFIGS)
def test_the_device_makes_the_picture_of_the_host(name):
    for device, host in device_and_host(CONFIGS[name]):
        rendered = render(device, SIZE)
        image = np.asarray(rendered["image"])
        assert image.dtype == np.uint8
        assert_alike(image, host["image"])
        assert rendered.keys() == host.keys()
        for key in ("boxes", "labels", "crowd"):
            np.testing.assert_array_equal(rendered[key], host[key])


def test_a_batch_that_has_its_image_is_left_alone():
    _, host = device_and_host(CONFIGS["default"])[0]
    assert render(host, SIZE) is host


def test_it_runs_in_a_compiled_function():
    import tensorflow as tf

    device, host = device_and_host(CONFIGS["mosaic"])[0]
    compiled = tf.function(lambda batch: render(batch, SIZE)["image"], autograph=False)
    assert_alike(compiled(device).numpy(), host["image"])


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed (the extra `jax`)")
def test_jax_makes_it_too():
    tests = Path(__file__).parents[1]
    code = (
        "import jax, numpy as np\n"
        "from oracles.tiny_pictures import CONFIGS, SIZE, device_and_host\n"
        "from scanml.ops.augment import render\n"
        "compiled = jax.jit(lambda batch: render(batch, SIZE)['image'])\n"
        "pairs = device_and_host(CONFIGS['mosaic'], num_steps=2)\n"
        "print(max(np.abs(np.asarray(compiled(d)).astype(int) - h['image']).max() for d, h in pairs))\n"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) <= 2
