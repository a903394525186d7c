"""What a checkpoint every 100 updates costs of a training's time.

    python -m benchmarks.checkpoint

Updates of the small detector on random pictures, at two sizes, on the processor. A checkpoint stops the loop while the
state is copied; the rest is written beside it, and costs processor time. Both are measured where they happen and set
against the time of 100 updates in the same run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._record import record
from scanml.models.config import SceneDetectorConfig
from scanml.structures import LabelSpace
from scanml.training.config import TrainConfig
from scanml.training.device import prepare

MINUTES = 2
BATCH, UPDATES, CHECKPOINTS, EVERY = 8, 20, 9, 100
SIZES = {"192×256": (192, 256), "256×320": (256, 320)}


def main() -> None:
    values = {name: _measure(size) for name, size in SIZES.items()}
    settings = {"batch": BATCH, "updates_timed": UPDATES, "checkpoints": CHECKPOINTS, "every": EVERY, "seed": 0}
    record("checkpoint", values, settings=settings)


def _measure(image_size: tuple[int, int]) -> dict[str, float]:
    config = TrainConfig(batch_size=BATCH)
    prepare(config)
    from scanml.models.build import build_model
    from scanml.training import checkpoint
    from scanml.training.step import Updates

    labels = LabelSpace(("a", "b", "c"), (1, 2, 3))
    model_config = SceneDetectorConfig(size="small", image_size=image_size)
    updates = Updates(build_model(model_config, labels), config)
    header = checkpoint.Header("detector", {}, labels, {}, "", (), 0)
    beside: list[float] = []

    class Timed(checkpoint.Writer):
        def _write(self, *arguments: object) -> None:
            start = time.thread_time()
            super()._write(*arguments)
            beside.append(time.thread_time() - start)

    batches = _batches(image_size)
    np.asarray(updates(batches))  # compiles
    seconds, stopped = [], []
    with tempfile.TemporaryDirectory() as folder, Timed(Path(folder), lambda path: None) as writer:
        for number in range(max(UPDATES, CHECKPOINTS)):
            start = time.perf_counter()
            np.asarray(updates(batches))
            middle = time.perf_counter()
            if number < UPDATES:
                seconds.append(middle - start)
            if number < CHECKPOINTS:
                writer.save(header, updates.fetch())
                stopped.append(time.perf_counter() - middle)
                writer.wait()
    update = statistics.median(seconds)
    return {
        "update_ms": update * 1e3,
        "stopped_ms": statistics.median(stopped) * 1e3,
        "beside_ms": statistics.median(beside) * 1e3,
        "stopped_percent": 100 * statistics.median(stopped) / (EVERY * update),
        "with_beside_percent": 100 * (statistics.median(stopped) + statistics.median(beside)) / (EVERY * update),
        "n": CHECKPOINTS,
    }


def _batches(image_size: tuple[int, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, min(image_size) / 2, (1, BATCH, 16, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 60, corners.shape)], axis=-1).astype(np.float32)
    return {
        "image": rng.integers(0, 255, (1, BATCH, *image_size, 3)).astype(np.uint8),
        "boxes": boxes,
        "labels": rng.integers(0, 3, (1, BATCH, 16)).astype(np.int32),
        "crowd": np.zeros((1, BATCH, 16), bool),
    }


if __name__ == "__main__":
    main()
