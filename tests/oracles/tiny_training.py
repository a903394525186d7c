"""A tiny detector and a tiny classifier in training, on batches that are a function of a seed.

`python -m oracles.tiny_training FOLDER STEPS` trains both and writes what `run` returns as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.structures import LabelSpace
from scanml.training import TrainConfig

SIZE = (64, 64)
LABELS = LabelSpace(("square", "bar"), (1, 2), ("dark", "light"))
CONFIGS = {
    "detector": SceneDetectorConfig(size="tiny", image_size=SIZE),
    "classifier": SceneClassifierConfig(size="tiny", image_size=SIZE, dropout=0.0),
}


def batch(seed, *, task="detector", size=4):
    """Light rectangles on noise; image 0 shows one of them and a crowd, the last none."""
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 100, (size, *SIZE, 3)).astype(np.uint8)
    boxes, labels = np.zeros((size, 16, 4), np.float32), np.full((size, 16), -1, np.int32)
    for row in range(size - 1):
        for place in range(2):
            wide = place + 1
            left, top = rng.integers(0, 30, 2)
            boxes[row, place], labels[row, place] = (left, top, left + 14 * wide, top + 16), place
            image[row, top : top + 16, left : left + 14 * wide] += np.uint8(100 + 20 * place)
    crowd = np.zeros((size, 16), bool)
    crowd[0, 1] = True
    if task == "detector":
        return {"image": image, "boxes": boxes, "labels": labels, "crowd": crowd}
    present = np.stack([labels.max(axis=1) < 0, labels.max(axis=1) >= 0], axis=1)
    known = rng.random(present.shape) < 0.8
    return {"image": image, "present": present.astype(np.float32), "known": known}


def stacked(batches):
    """Batches as one call takes them: a leading axis of as many updates."""
    return {name: np.stack([one[name] for one in batches]) for name in batches[0]}


def build(task, config=None):
    """The tiny `task` model in training."""
    from scanml.models.build import build_model
    from scanml.training.step import Updates

    return Updates(build_model(CONFIGS[task], LABELS), config or TrainConfig(steps=20, batch_size=4))


def losses_of(updates, steps, *, task, at_once=1):
    """The losses of the updates `steps`, `at_once` in a call."""
    calls = [range(first, first + at_once) for first in range(steps.start, steps.stop, at_once)]
    rows = [np.asarray(updates(stacked([batch(i, task=task) for i in call]))) for call in calls]
    return np.concatenate(rows)[:, updates.names.index("loss")].tolist()


def run(folder: Path, task: str, steps: int) -> dict[str, object]:
    """Losses of `steps` updates from the weights in `folder`, which are written if they are not there."""
    updates = build(task)
    path = folder / f"{task}.npz"
    if not path.exists():
        np.savez(path, *[np.asarray(v) for v in updates.model.weights])
    with np.load(path) as stored:
        updates.model.set_weights([stored[name] for name in stored.files])
    updates.state = updates.start()
    losses = losses_of(updates, range(steps), task=task)
    average = float(sum(np.abs(v).sum() for v in updates.fetch()["average"]))
    return {"losses": losses, "average": average}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({task: run(Path(sys.argv[1]), task, int(sys.argv[2])) for task in CONFIGS}))
