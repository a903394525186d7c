"""A split → augmented, padded, prefetched batches. Each is a function of (seed, step): a resumed run sees the same."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scanml.datasets.augment import (
    Placement,
    change_colors,
    place_boxes,
    place_pixels,
    random_colors,
    random_mosaic,
    random_placement,
)
from scanml.datasets.config import AugmentConfig
from scanml.datasets.pictures import Pictures
from scanml.datasets.records import Split
from scanml.errors import ConfigError
from scanml.structures.arrays import Doubles, Floats, Pixels
from scanml.structures.batches import Batch, Task

_AHEAD = 4  # batches made while the device works
_MAX_THREADS = 4  # that make them, on at most half of the cores
_TRUTHS_ROUNDED_TO = 16  # so that JAX compiles for few shapes
_ORDER, _PLACE, _MOSAIC, _TURN = 0, 1, 2, 3  # what a random number is for: one stream each, so that none moves another


Truth = tuple[npt.NDArray[np.generic], ...]  # of one image: boxes, labels, crowd; or present, known


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is random about one batch image."""

    indices: tuple[int, ...]  # of its pictures: one, or the four of a mosaic
    turns: tuple[bool, ...]
    placements: tuple[Placement, ...]
    colors: Doubles  # (3, 4)


class BatchSource:
    """Endless batches of one split for one task; see `structures.batches` for keys and shapes.

    `num_steps` is the length of the training, of which `augment.mosaic_until` is a share. Decoded pictures are kept in
    memory, or in a file in the folder `cache`, where a later run finds them.

    Raises:
        ConfigError: a batch that is larger than the split; a mosaic for a classifier, or of unknown length.
    """

    def __init__(
        self,
        split: Split,
        task: Task,
        *,
        image_size: tuple[int, int],
        batch_size: int,
        augment: AugmentConfig,
        seed: int,
        num_steps: int | None = None,
        cache: Path | None = None,
    ) -> None:
        if batch_size > len(split):
            raise ConfigError(
                f"train.batch_size is {batch_size}, but the {split.name} split has {len(split)} pictures; "
                f"the largest batch that fits is --set train.batch_size={len(split)}."
            )
        if augment.mosaic and (task == "classifier" or num_steps is None):
            raise ConfigError("augment.mosaic is for a detector's training of known length; set it to 0.")
        self.split, self.task, self.image_size = split, task, image_size
        self.batch_size, self.augment, self.seed = batch_size, augment, seed
        self.mosaic_stop = augment.mosaic_until * (num_steps or 0) if augment.mosaic else 0
        self._order = functools.lru_cache(maxsize=2)(self._shuffled)  # of this epoch and the next
        self.pictures = Pictures(split, image_size=image_size, most_zoom=augment.scale[1], cache_folder=cache)

    def batch(self, step: int) -> Batch:
        """The batch of update `step`, counted from 0: each epoch passes every example once, in an order of its own."""
        room = self._room(1)
        return _row(self._finish(room, [self._fill(_row(room, 0), step)]), 0)

    def stream(self, start: int, stop: int, *, at_once: int = 1, num_threads: int = 0) -> Iterator[Batch]:
        """Batches of the steps `start` to `stop` - 1, made ahead, each by one of `num_threads`; 0 chooses.

        `at_once` of them are stacked: every array gets a leading axis of that many steps; fewer for the last ones.
        """
        num_threads = num_threads or max(1, min(_MAX_THREADS, (os.cpu_count() or 1) // 2))
        pool = ThreadPoolExecutor(max_workers=num_threads, thread_name_prefix="batches")
        waiting: deque[tuple[Batch, list[Future[list[Truth]]]]] = deque()
        starts = range(start, stop, at_once)
        ahead = -(-_AHEAD // at_once)
        own_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # OpenCV's threads cost a third more and take the cores of the device
        try:
            for number in range(len(starts) + ahead):
                if number < len(starts):
                    group = range(starts[number], min(starts[number] + at_once, stop))
                    room = self._room(len(group))
                    made = [pool.submit(self._fill, _row(room, k), step) for k, step in enumerate(group)]
                    waiting.append((room, made))
                if number >= ahead:
                    room, made = waiting.popleft()
                    yield self._finish(room, [truths.result() for truths in made])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            cv2.setNumThreads(own_threads)

    def _room(self, num_steps: int) -> Batch:
        """Arrays for the pixels of some steps, zero so far."""
        shape = num_steps, self.batch_size
        if self.augment.pixels_on == "host":
            return {"image": np.zeros((*shape, *self.image_size, 3), np.uint8)}
        count, most = 4 if self.augment.mosaic else 1, self.pictures.most
        sides = (max(most), max(most)) if self.augment.turn else most
        return {
            "pictures": np.zeros((*shape, count, *sides, 3), np.uint8),
            "spans": np.zeros((*shape, count, 2, 6), np.float32),
            "colors": np.zeros((*shape, 3, 4), np.float32),
        }

    def _fill(self, room: Batch, step: int) -> list[Truth]:
        """Write the pixels of one step, or what the device makes them of; returns the truth of each image."""
        plans = [self._plan(index, step, slot) for slot, index in enumerate(self._indices(step))]
        for slot, plan in enumerate(plans):
            pictures = [_turned(self.pictures.pixels(i), t) for i, t in zip(plan.indices, plan.turns, strict=True)]
            tiles = list(zip(pictures, plan.placements, strict=True))
            if "image" in room:
                room["image"][slot] = change_colors(place_pixels(tiles), plan.colors)
                continue
            room["colors"][slot] = plan.colors
            for number, (pixels, placement) in enumerate(tiles):
                room["pictures"][slot, number, : pixels.shape[0], : pixels.shape[1]] = pixels
                room["spans"][slot, number] = placement.x.numbers, placement.y.numbers
        if self.task == "classifier":
            return [self.split.trigger_arrays(plan.indices[0]) for plan in plans]
        return [self._boxes(plan) for plan in plans]

    def _finish(self, room: Batch, steps: Sequence[Sequence[Truth]]) -> Batch:
        """The batches of some steps, stacked."""
        if self.task == "detector":
            return room | _pad(steps)
        present, known = np.moveaxis(np.array(steps, bool), 2, 0)
        return room | {"present": present.astype(np.float32), "known": known}

    def _indices(self, step: int) -> list[int]:
        count = len(self.split)
        places = [divmod(position, count) for position in range(step * self.batch_size, (step + 1) * self.batch_size)]
        orders = {epoch: self._order(epoch) for epoch in {epoch for epoch, _ in places}}
        return [int(orders[epoch][position]) for epoch, position in places]

    def _shuffled(self, epoch: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng([self.seed, _ORDER, epoch]).permutation(len(self.split))

    def _plan(self, index: int, step: int, slot: int) -> _Plan:
        rng = np.random.default_rng([self.seed, _PLACE, step, slot])
        indices = (index, *self._partners(step, slot))
        chances = np.random.default_rng([self.seed, _TURN, step, slot]).random(len(indices))
        turns = tuple(bool(chance < self.augment.turn) for chance in chances)
        sizes = [self._size(i, turn=turn) for i, turn in zip(indices, turns, strict=True)]
        if len(indices) > 1:
            places = np.random.default_rng([self.seed, _MOSAIC, step, slot, 1])
            placements = random_mosaic(sizes, self.image_size, self.augment, places)
        else:
            xyxy = _turned_boxes(self.pictures.boxes(index), turns[0])
            placements = (random_placement(sizes[0], self.image_size, self.augment, rng, xyxy=xyxy),)
        return _Plan(indices, turns, placements, random_colors(self.augment, rng))

    def _size(self, index: int, *, turn: bool) -> tuple[int, int]:
        height, width = self.pictures.sizes[index]
        return (width, height) if turn else (height, width)

    def _partners(self, step: int, slot: int) -> list[int]:
        """The three other pictures of a mosaic, or none, as chance has it."""
        rng = np.random.default_rng([self.seed, _MOSAIC, step, slot])
        if step >= self.mosaic_stop or rng.random() >= self.augment.mosaic:
            return []
        return [int(index) for index in rng.integers(len(self.split), size=3)]

    def _boxes(self, plan: _Plan) -> Truth:
        """Boxes (N, 4), labels (N,) and crowd (N,) that still show."""
        truths = []
        for index, turn, placement in zip(plan.indices, plan.turns, plan.placements, strict=True):
            record, xyxy = self.split.records[index], _turned_boxes(self.pictures.boxes(index), turn)
            xyxy, kept = place_boxes(xyxy, placement, min_visible=self.augment.min_visible)
            truths.append((xyxy[kept], np.array(record.labels, np.int32)[kept], np.array(record.crowd, bool)[kept]))
        return tuple(np.concatenate(parts) for parts in zip(*truths, strict=True))


def _turned(pixels: Pixels, turn: bool) -> Pixels:
    return np.ascontiguousarray(pixels.transpose(1, 0, 2)) if turn else pixels


def _turned_boxes(xyxy: Floats, turn: bool) -> Floats:
    return xyxy[:, [1, 0, 3, 2]] if turn else xyxy


def _row(batch: Batch, number: int) -> Batch:
    return {key: values[number] for key, values in batch.items()}


def _pad(steps: Sequence[Sequence[Truth]]) -> Batch:
    """The boxes, labels and crowd of batches of equal size in arrays (steps, B, M, …)."""
    most = max(len(labels) for truths in steps for _, labels, _ in truths)
    shape = len(steps), len(steps[0]), max(1, -(-most // _TRUTHS_ROUNDED_TO)) * _TRUTHS_ROUNDED_TO
    boxes, labels, crowd = np.zeros((*shape, 4), np.float32), np.full(shape, -1, np.int32), np.zeros(shape, bool)
    for row, truths in enumerate(steps):
        for slot, truth in enumerate(truths):
            for array, values in zip((boxes, labels, crowd), truth, strict=True):
                array[row, slot, : len(values)] = values
    return {"boxes": boxes, "labels": labels, "crowd": crowd}
