"""What Keras's own `fit` does with our losses, as JSON: `python -m oracles.keras_fit TASK FILE.keras`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np
from oracles.tiny_training import CONFIGS, LABELS, batch, build, stacked

from scanml.evaluation import CocoCallback
from scanml.models.build import build_model
from scanml.structures import Boxes, DetectionExample, Frame
from scanml.training import TrainConfig, attach_loss
from scanml.training.optimizer import BETA1

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
    """By how much `fit`'s first gradient differs from our own step's, its losses, what is saved, what is measured."""
    model = attach_loss(build_model(CONFIGS[task], LABELS))
    truth = batch(0, task=task)
    image = truth.pop("image")
    model.compile(keras.optimizers.Adam(3e-3))
    gap = _gradient_gap(model, image, truth, task)
    coco = CocoCallback(Examples(image), every=EPOCHS)
    callbacks = [coco] if task == "detector" else []
    history = model.fit(image, truth, batch_size=4, epochs=EPOCHS, callbacks=callbacks, verbose=0).history
    again: dict[str, float] = {}
    for callback in callbacks:
        callback.on_epoch_end(EPOCHS - 1, again)
    model.save(file)
    loaded = keras.saving.load_model(file)
    return {
        "gap": gap,
        "losses": history["loss"],
        "measured": [[value] for value in again.values()],
        "logged": [history[name] for name in again],
        "iterations": [int(model.optimizer.iterations), int(loaded.optimizer.iterations)],
    }


def _gradient_gap(model: keras.Model, image: np.ndarray, truth: dict[str, np.ndarray], task: str) -> float:
    """The largest difference of any weight; after one update the first moment of Adam and of AdamW is (1 - β₁) g."""
    start = model.get_weights()
    updates = build(task, TrainConfig(steps=20, batch_size=4, clip_norm=1e9))
    updates.model.set_weights(start)
    updates.state = updates.start()
    updates(stacked([{"image": image, **truth}]))
    model.fit(image, truth, batch_size=4, verbose=0)
    model.set_weights(start)
    found = updates.packing.weights([moment.value for moment in model.optimizer._momentums])
    pairs = zip(found, updates.fetch()["first"], strict=True)
    return max(float(np.abs(np.asarray(one) - other).max()) for one, other in pairs) / (1 - BETA1)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
