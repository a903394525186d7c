"""The terms of the last updates: read from the device, checked, and written down every so often."""

from __future__ import annotations

import logging
import math
import time

import numpy as np

from scanml.errors import GateError
from scanml.structures.arrays import Tensor
from scanml.tracking import Tracker
from scanml.training.config import TrainConfig
from scanml.training.doubts import untaught

_log = logging.getLogger(__name__)


class Numbers:
    """Means over `config.log_every` updates go to the tracker; truths that teach nothing are said in words, once.

    The first line after a resume is the mean of the updates since.
    """

    def __init__(self, tracker: Tracker, config: TrainConfig) -> None:
        self.tracker, self.config = tracker, config
        self.waiting: list[Tensor] = []
        self.count = 0
        self.doubted = False
        self.since = time.monotonic()

    def add(self, rows: Tensor, names: tuple[str, ...], *, step: int) -> float | None:
        """Take the terms (K, N) of the updates up to `step`; the mean loss where a line was written."""
        self.waiting.append(rows)
        self.count += len(rows)
        if step % self.config.log_every >= len(rows) and step != self.config.steps:
            return None
        means = self.check(names, step=step)
        images = self.count * self.config.batch_size
        speed = {"images_per_second": images / max(time.monotonic() - self.since, 1e-9)}
        self.tracker.log_metrics(means | speed, step=step)
        self.waiting, self.count, self.since = [], 0, time.monotonic()
        if (doubt := untaught(means)) and not self.doubted:
            _log.warning("update %d: %s", step, doubt)
            self.doubted = True
        return means["loss"]

    def check(self, names: tuple[str, ...], *, step: int) -> dict[str, float]:
        """The means of what waits.

        Raises:
            GateError: a loss is not finite.
        """
        if not self.waiting:
            return {}
        rows = np.concatenate([np.asarray(rows) for rows in self.waiting])
        first = step - len(rows) + 1
        for number, row in enumerate(rows, first):
            terms = dict(zip(names, row.tolist(), strict=True))
            if not math.isfinite(terms["loss"]):
                raise GateError(
                    f"the loss is {terms['loss']} at update {number}: training stopped. Lower train.learning_rate "
                    f"(now {self.config.learning_rate}) or use train.precision=float32; the terms were {terms}."
                )
        return dict(zip(names, rows.mean(axis=0, dtype=np.float64).tolist(), strict=True))
