from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from oracles.tiny_scene import encode, every_encoding, textured, tiny_model

from scanml.datasets import decode_image
from scanml.errors import ModelError
from scanml.export import prove_parity, write_saved_model

PLAIN = """
import sys
sys.modules["scanml"] = None  # importing it would fail
import numpy as np
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
data = open(sys.argv[2], "rb").read()
answers = signatures["serving_default"](image_bytes=tf.constant([data, data]))
print({name: (value.dtype.name, *value.shape) for name, value in sorted(answers.items())})
pixels = tf.zeros((3, 40, 50, 3), tf.uint8)
print({name: tuple(value.shape) for name, value in sorted(signatures["from_pixels"](image=pixels).items())})
none = signatures["serving_default"](image_bytes=tf.constant([], tf.string))
print(tuple(none["boxes"].shape))
"""


def test_every_encoding_gives_the_answer_of_the_model_in_memory(bundle_folder, monkeypatch):
    monkeypatch.setitem(decode_image.__kwdefaults__, "max_megapixels", 0)  # what training has read is never too large
    images = every_encoding(textured(np.random.default_rng(11), 203, 150))
    parity = prove_parity(bundle_folder / "scene" / "1", tiny_model(), images)
    assert parity.num_images == len(images) and parity.num_detections > 20
    assert parity.box_px <= 0.5 and parity.score <= 1e-3 and parity.trigger_probability <= 1e-3


def test_plain_tensorflow_loads_it_without_scanml(bundle_folder, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(encode(textured(np.random.default_rng(0), 90, 60), "JPEG"))
    command = [sys.executable, "-I", "-c", PLAIN, str(bundle_folder / "scene" / "1"), str(photo)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.strip().splitlines()[-3:]
    assert first == (
        "{'boxes': ('float32', 2, 100, 4), 'labels': ('int32', 2, 100), 'num_detections': ('int32', 2), "
        "'scores': ('float32', 2, 100), 'trigger_probabilities': ('float32', 2, 2)}"
    )
    assert second.startswith("{'boxes': (3, 100, 4), 'labels': (3, 100), 'num_detections': (3,)")
    assert third == "(0, 100, 4)"


def test_what_a_trigger_implies_is_at_least_as_likely_in_the_graph(bundle_folder, rng):
    import tensorflow as tf

    ask = tf.saved_model.load(str(bundle_folder / "scene" / "1")).signatures["from_pixels"]
    for _ in range(8):
        sky, drink = ask(image=tf.constant(textured(rng, 70, 50)[None]))["trigger_probabilities"].numpy()[0]
        assert sky >= drink
    assert sky == drink  # lifted: of its own this network finds drinks likelier


def test_another_backend_is_told_to_change(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ModelError, match="KERAS_BACKEND=tensorflow"):
        write_saved_model(tiny_model(), tmp_path / "scene")
    assert not (tmp_path / "scene").exists()
