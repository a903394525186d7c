"""What one update costs beside the arithmetic: Keras `fit` against our compiled calls, on TensorFlow and on JAX.

    python -m benchmarks.step_overhead

Two models: an almost empty one, where overhead is all there is, and a ResNet of many small operations. All get the same
batches from memory; `fit` its own optimizer with the same settings, ours also writes its history and moves a progress
bar. Each backend runs in a process of its own; ways take turns, medians of their rounds are compared.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._record import record

MINUTES = 5
NEEDS = ("jax",)

BATCH, ROUNDS = 8, 5
CASES = {  # model: (updates of a round, image side)
    "empty": (1_024, 4),
    "resnet": (96, 16),
}
WAYS: dict[str, dict[str, Any]] = {
    "1 a call": {},
    "32 a call": {"updates_per_call": 32},
    "32 a call, XLA": {"updates_per_call": 32, "xla": "on"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=("tensorflow", "jax"), help="measure one, and print it as JSON")
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    if parsed.backend:
        with tempfile.TemporaryDirectory() as folder:
            found = {name: _measure(name, Path(folder), seed=parsed.seed) for name in CASES}
        sys.stdout.write(json.dumps(found))
        return
    values = {}
    for backend in ("tensorflow", "jax"):
        command = [sys.executable, "-m", "benchmarks.step_overhead", "--backend", backend, "--seed", str(parsed.seed)]
        environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        values[backend] = json.loads(done.stdout)
    record("step_overhead", values, settings={"batch": BATCH, "rounds": ROUNDS, "seed": parsed.seed})


def _measure(case: str, folder: Path, *, seed: int) -> dict[str, object]:
    """Milliseconds an update of each way, median of the rounds, and how many times less than `fit`'s."""
    import keras

    from scanml.training.device import choose_backend

    choose_backend(keras.backend.backend())
    keras.utils.set_random_seed(seed)
    count, side = CASES[case]
    images = np.random.default_rng(seed).integers(0, 255, (count, BATCH, side, side, 3)).astype(np.float32)
    present = np.random.default_rng(seed).integers(0, 2, (count, BATCH, 4)).astype(np.float32)
    on_tensorflow = keras.backend.backend() == "tensorflow"
    rounds = {"fit": _fit(_build(case, side), images, present)} | {
        name: _ours(_build(case, side), images, present, settings, folder)
        for name, settings in WAYS.items()
        if on_tensorflow or "xla" not in settings  # JAX has no other way
    }
    for one in rounds.values():
        one()  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in rounds}
    for _ in range(ROUNDS):
        for name, one in rounds.items():
            start = time.perf_counter()
            one()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) / count * 1e3 for name, values in seconds.items()}
    return {
        name: {"ms": round(value, 4), "times_less": round(medians["fit"] / value, 2), "n": ROUNDS}
        for name, value in medians.items()
    }


def _build(case: str, side: int) -> Any:
    import keras
    from keras import layers

    image = keras.Input((side, side, 3), name="image")
    x = layers.Rescaling(1 / 255)(image)
    if case == "resnet":
        x = layers.Conv2D(8, 3, padding="same")(x)
        for _ in range(16):
            y = layers.Activation("relu")(layers.BatchNormalization()(x))
            y = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(y)))
            x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)])
    logits = layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, {"trigger_logits": logits})
    model.task = "classifier"
    return model


def _fit(model: Any, images: Any, present: Any) -> Callable[[], object]:
    """A round of `fit` as its users write it."""
    import keras

    plain = keras.Model(model.input, model.output["trigger_logits"])
    plain.compile(
        optimizer=keras.optimizers.AdamW(2e-3, weight_decay=0.02, global_clipnorm=10.0),
        loss=keras.losses.BinaryFocalCrossentropy(from_logits=True),
    )
    flat = images.reshape(-1, *images.shape[2:]), present.reshape(-1, 4)
    return lambda: plain.fit(*flat, batch_size=BATCH, shuffle=False, verbose=0)


def _ours(model: Any, images: Any, present: Any, settings: dict[str, Any], folder: Path) -> Callable[[], object]:
    """A round of our updates, with numbers and progress as in `training.loop`."""
    import keras
    from tqdm import tqdm

    from scanml.tracking import JsonlTracker
    from scanml.training.config import TrainConfig
    from scanml.training.numbers import Numbers
    from scanml.training.step import Updates

    config = TrainConfig(steps=1_000_000, batch_size=BATCH, backend=keras.backend.backend(), **settings)
    updates, known = Updates(model, config), np.ones(present.shape, bool)
    numbers = Numbers(JsonlTracker(folder / "history.jsonl"), config)
    many = config.updates_per_call

    def one_round() -> None:
        bar = tqdm(total=len(images), file=io.StringIO())
        for first in range(0, len(images), many):
            part = slice(first, first + many)
            rows = updates({"image": images[part], "present": present[part], "known": known[part]})
            numbers.add(rows, updates.names, step=first + len(rows))
            bar.update(len(rows))
        np.asarray(rows)

    return one_round


if __name__ == "__main__":
    main()
