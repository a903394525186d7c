"""What Keras's own `fit` does with our losses, as JSON: `python -m oracles.keras_fit FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np
from oracles.tiny_training import CONFIGS, LABELS, batch, build

from scanml.evaluation import CocoCallback, collect
from scanml.models.build import build_model
from scanml.structures import Boxes, DetectionExample, Frame
from scanml.training import attach_loss

EPOCHS = 15


class Examples:
    """Pictures as an `ExampleSet`, each with an object of either class that fills it: even a beginner finds some."""

    name, labels = "validation", LABELS

    def __init__(self, image: np.ndarray) -> None:
        self.image, self.image_ids = image, range(len(image))
        self.image_hashes = [f"hash-{index}" for index in self.image_ids]

    def __len__(self) -> int:
        return len(self.image)

    def detection(self, index: int) -> DetectionExample:
        """Example `index`."""
        frame = Frame(self.image[index], f"{index}.png")
        height, width = frame.size
        return DetectionExample(frame, Boxes([[0, 0, width, height]] * 2, frame.size), [0, 1], [False, False])


def run(task: str, file: Path) -> dict[str, object]:
    """By how much `fit`'s first gradient differs from our own step's, the losses of its epochs, and what is loaded."""
    model = attach_loss(build_model(CONFIGS[task], LABELS))
    truth = batch(0, task=task)
    image = truth.pop("image")
    gap = _gradient_gap(model, image, truth, task)
    model.compile(keras.optimizers.Adam(3e-3))
    examples = Examples(image)
    callbacks = [CocoCallback(examples, every=EPOCHS)] if task == "detector" else []
    history = model.fit(image, truth, batch_size=4, epochs=EPOCHS, callbacks=callbacks, verbose=0).history
    model.save(file)
    loaded = keras.saving.load_model(file)
    again = attach_loss(loaded).evaluate(image, truth, batch_size=4, verbose=0)
    return {
        "gap": gap,
        "losses": history["loss"],
        "AP": [history["val_AP"][0], collect(model, examples).found.matches.summarize()["AP"]] if callbacks else [1, 1],
        "evaluated": [model.evaluate(image, truth, batch_size=4, verbose=0), again],
        "iterations": [int(model.optimizer.iterations), int(loaded.optimizer.iterations)],
    }


def _gradient_gap(model: keras.Model, image: np.ndarray, truth: dict[str, np.ndarray], task: str) -> float:
    """After one update of plain gradient descent at a rate of 1, what the weights have lost is the gradient."""
    start = model.get_weights()
    updates = build(task)
    updates.model.set_weights(start)
    state = updates.start()
    wanted, _ = updates.gradient(state["weights"], state["fixed"], state["counters"][1], {"image": image, **truth})
    before = updates.packing.weights([v.value for v in updates.model.trainable_variables])
    model.compile(keras.optimizers.SGD(1.0))
    model.train_on_batch(image, truth)
    after = updates.packing.weights([v.value for v in model.trainable_variables])
    model.set_weights(start)
    pairs = zip(before, after, wanted, strict=True)
    return max(float(np.abs(np.asarray(b) - np.asarray(a) - np.asarray(g)).max()) for b, a, g in pairs)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.stdout.write(json.dumps({task: run(task, folder / f"{task}.keras") for task in CONFIGS}))
