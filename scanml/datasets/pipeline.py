"""A split → augmented, padded, prefetched batches. Each is a function of (seed, step): a resumed run sees the same."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt

from scanml.datasets.augment import jitter_colors, place_boxes, place_pixels, random_placement
from scanml.datasets.config import AugmentConfig
from scanml.datasets.records import Record, Split
from scanml.structures.arrays import Bools, Floats, Pixels
from scanml.structures.batches import Batch, Task

_AHEAD = 4  # batches made while the device works
_MAX_WORKERS = 4  # threads that make them, on at most half of the cores
_MAX_CACHE_BYTES = 2 << 30  # decoded pictures kept in memory; beyond, they are decoded again each time
_TRUTHS_ROUNDED_TO = 16  # so that JAX compiles for few shapes


class BatchSource:
    """Endless batches of one split for one task; see `structures.batches` for keys and shapes."""

    def __init__(
        self,
        split: Split,
        task: Task,
        *,
        image_size: tuple[int, int],
        batch_size: int,
        augment: AugmentConfig,
        seed: int,
    ) -> None:
        self.split, self.task, self.image_size = split, task, image_size
        self.batch_size, self.augment, self.seed = batch_size, augment, seed
        self._cache: dict[int, tuple[Pixels, Floats]] = {}
        self._cached_bytes = 0

    def batch(self, step: int) -> Batch:
        """The batch of update `step`, counted from 0: each epoch passes every example once, in an order of its own."""
        indices = self._indices(step)
        images = np.empty((self.batch_size, *self.image_size, 3), np.uint8)
        truths = []
        for slot, index in enumerate(indices):
            rng = np.random.default_rng([self.seed, 1, step, slot])
            images[slot], boxes, kept = self._example(index, rng)
            truths.append((self.split.records[index], boxes, kept))
        if self.task == "classifier":
            present, known = zip(*map(self.split.trigger_arrays, indices), strict=True)
            return {"image": images, "present": np.stack(present).astype(np.float32), "known": np.stack(known)}
        return {"image": images} | _pad(truths)

    def stream(self, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the steps `start` to `stop` - 1, made ahead in threads, each picture in one thread."""
        workers = max(1, min(_MAX_WORKERS, (os.cpu_count() or 1) // 2))
        pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="batches")
        waiting: deque[Future[Batch]] = deque()
        own_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # OpenCV's threads cost a third more and take the cores of the device
        try:
            for step in range(start, stop + _AHEAD):
                if step < stop:
                    waiting.append(pool.submit(self.batch, step))
                if step >= start + _AHEAD:
                    yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            cv2.setNumThreads(own_threads)

    def _indices(self, step: int) -> list[int]:
        count = len(self.split)
        places = [divmod(position, count) for position in range(step * self.batch_size, (step + 1) * self.batch_size)]
        orders = {epoch: self._order(epoch) for epoch in {epoch for epoch, _ in places}}
        return [int(orders[epoch][position]) for epoch, position in places]

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.split))

    def _example(self, index: int, rng: np.random.Generator) -> tuple[Pixels, Floats, Bools]:
        pixels, xyxy = self._load(index)
        placement = random_placement((pixels.shape[0], pixels.shape[1]), self.image_size, self.augment, rng)
        placed = jitter_colors(place_pixels(pixels, placement), self.augment, rng)
        return placed, *place_boxes(xyxy, placement, min_visible=self.augment.min_visible)

    def _load(self, index: int) -> tuple[Pixels, Floats]:
        """The picture, no larger than augmentation can use, and its boxes on it."""
        if index in self._cache:
            return self._cache[index]
        pixels = self.split.frame(index).pixels
        height, width = pixels.shape[:2]
        scale = self.augment.scale[1] * min(self.image_size[0] / height, self.image_size[1] / width)
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        factors = np.array([pixels.shape[1] / width, pixels.shape[0] / height] * 2, np.float32)
        loaded = pixels, np.asarray(self.split.records[index].xyxy, np.float32).reshape(-1, 4) * factors
        if self._cached_bytes + pixels.nbytes <= _MAX_CACHE_BYTES:
            self._cache[index] = loaded
            self._cached_bytes += pixels.nbytes
        return loaded


def _pad(truths: list[tuple[Record, Floats, Bools]]) -> Batch:
    most = max(int(kept.sum()) for _, _, kept in truths)
    room = max(1, -(-most // _TRUTHS_ROUNDED_TO)) * _TRUTHS_ROUNDED_TO
    boxes = np.zeros((len(truths), room, 4), np.float32)
    labels = np.full((len(truths), room), -1, np.int32)
    crowd = np.zeros((len(truths), room), bool)
    for row, (record, xyxy, kept) in enumerate(truths):
        count = int(kept.sum())
        boxes[row, :count] = xyxy[kept]
        labels[row, :count] = np.asarray(record.labels, np.int32)[kept]
        crowd[row, :count] = np.asarray(record.crowd, bool)[kept]
    return {"boxes": boxes, "labels": labels, "crowd": crowd}
