"""A split → augmented, padded, prefetched batches. A batch is a function of (seed, step), so a resumed run sees the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import cv2
import numpy as np

from scanml.datasets.augment import jitter_colors, random_warp, warp_boxes, warp_pixels
from scanml.datasets.config import AugmentConfig
from scanml.datasets.records import Split
from scanml.structures.arrays import Floats, Pixels
from scanml.structures.batches import Batch

Task = Literal["detector", "classifier"]
_AHEAD = 3  # batches made while the device works
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
        examples = [self._example(index, step, slot) for slot, index in enumerate(self._indices(step))]
        batch: Batch = {"image": np.stack([pixels for pixels, _, _ in examples])}
        if self.task == "classifier":
            present, known = zip(*(self.split.trigger_arrays(i) for i in self._indices(step)), strict=True)
            return batch | {"present": np.stack(present).astype(np.float32), "known": np.stack(known)}
        return batch | self._pad(step, [(boxes, kept) for _, boxes, kept in examples])

    def stream(self, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the steps `start` to `stop` - 1, made ahead in a thread."""
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        waiting: deque[Future[Batch]] = deque()
        try:
            for step in range(start, stop + _AHEAD):
                if step < stop:
                    waiting.append(pool.submit(self.batch, step))
                if step >= start + _AHEAD:
                    yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _indices(self, step: int) -> list[int]:
        count = len(self.split)
        positions = range(step * self.batch_size, (step + 1) * self.batch_size)
        orders = {p // count: self._order(p // count) for p in (positions[0], *positions)}
        return [int(orders[position // count][position % count]) for position in positions]

    def _order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.split))

    def _example(
        self, index: int, step: int, slot: int
    ) -> tuple[Pixels, Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        rng = np.random.default_rng([self.seed, 1, step, slot])
        pixels, xyxy = self._load(index)
        warp = random_warp((pixels.shape[0], pixels.shape[1]), self.image_size, self.augment, rng)
        warped = jitter_colors(warp_pixels(pixels, warp, self.image_size), self.augment, rng)
        boxes, kept = warp_boxes(xyxy, warp, self.image_size, min_visible=self.augment.min_visible)
        return warped, boxes, kept

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

    def _pad(self, step: int, truths: list[tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]]) -> Batch:
        most = max(int(kept.sum()) for _, kept in truths)
        room = max(1, -(-most // _TRUTHS_ROUNDED_TO)) * _TRUTHS_ROUNDED_TO
        boxes = np.zeros((len(truths), room, 4), np.float32)
        labels = np.full((len(truths), room), -1, np.int32)
        crowd = np.zeros((len(truths), room), bool)
        for row, (index, (xyxy, kept)) in enumerate(zip(self._indices(step), truths, strict=True)):
            record, count = self.split.records[index], int(kept.sum())
            boxes[row, :count] = xyxy[kept]
            labels[row, :count] = np.asarray(record.labels, np.int32)[kept]
            crowd[row, :count] = np.asarray(record.crowd, bool)[kept]
        return {"boxes": boxes, "labels": labels, "crowd": crowd}
