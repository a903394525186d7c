"""`train`: from a model's config and a data set to a trained model, top to bottom."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from scanml.config import to_json
from scanml.datasets.pipeline import BatchSource
from scanml.datasets.records import DataSet
from scanml.errors import GateError
from scanml.structures.batches import Outputs
from scanml.tracking import JsonlTracker, NullTracker, TeeTracker, Tracker
from scanml.training.checkpoint import Header, find_header, load_model, restore, save
from scanml.training.config import TrainConfig
from scanml.training.device import compute_in, prepare
from scanml.training.interrupt import stop_request

if TYPE_CHECKING:
    from scanml.models.build import ModelConfig, SceneNetwork
    from scanml.training.step import Update


def train(
    model_config: ModelConfig,
    data: DataSet,
    *,
    config: TrainConfig | None = None,
    out: str | Path,
    tracker: Tracker | None = None,
) -> SceneNetwork:
    """Train a new model on `data.train`, choose temperature and threshold on `data.validation`, return it.

    Writes `out`/checkpoint and `out`/history.jsonl. A training that stood there unfinished, with the same settings and
    data, goes on where it stopped; a finished one is loaded. SIGTERM and Ctrl-C write a checkpoint first.

    Raises:
        GateError: the loss is not finite.
        ArtifactError: `out` holds another training, or cannot be written.
    """
    config, out = config or TrainConfig(), Path(out)
    prepare(config)  # before anything below imports Keras
    from scanml.models.build import build_model
    from scanml.training.step import build_step

    labels = data.train.labels
    with compute_in(config.precision):
        model = build_model(model_config, labels)
    header = _header(model.task, model_config, config, data)
    found = find_header(out / "checkpoint", header)
    if found and found.finished:
        return load_model(out / "checkpoint")
    update = build_step(model, config)
    if found:
        restore(out / "checkpoint", update.variables)
        update.reload()
    _run(update, data, header, found.step if found else 0, out=out, tracker=tracker or NullTracker(), config=config)
    return _finish(update, data, header, out / "checkpoint", config=config)


def _run(
    update: Update, data: DataSet, header: Header, start: int, *, out: Path, tracker: Tracker, config: TrainConfig
) -> None:
    """The updates from `start` on, with a line of numbers and a checkpoint every so often."""
    source = BatchSource(
        data.train,
        update.model.task,
        image_size=update.model.scanml_config.image_size,
        batch_size=config.batch_size,
        augment=config.augment,
        seed=config.seed,
    )
    history = JsonlTracker(out / "history.jsonl")
    history.truncate_after(start)
    numbers = _Numbers(TeeTracker(history, tracker), config)
    bar = tqdm(total=config.steps, initial=start, desc=f"train {header.task}", unit="update", disable=None)
    with bar, stop_request() as stop:
        for step, batch in enumerate(source.stream(start, config.steps), start + 1):
            loss = numbers.add(update(batch), step)
            if loss is not None:
                bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            bar.update()
            if step % config.checkpoint_every == 0 or stop:
                numbers.check()
                update.sync()
                save(out / "checkpoint", replace(header, step=step), update.variables)
                stop.obey()


def _finish(update: Update, data: DataSet, header: Header, folder: Path, *, config: TrainConfig) -> SceneNetwork:
    """Keep the average, calibrate it, and return it as a model of its own."""
    from scanml.training.calibrate import calibrate
    from scanml.training.optimizer import averaged

    update.sync()
    save(folder, replace(header, step=config.steps), update.variables)
    model = load_model(folder)
    if model.task == "classifier":
        calibrate(model, data.validation)
    save(folder, replace(header, step=config.steps, finished=True), {"average": averaged(model)})
    return model


class _Numbers:
    """The terms of the last updates: read from the device, checked and written every `log_every` updates."""

    def __init__(self, tracker: Tracker, config: TrainConfig) -> None:
        self.tracker, self.config = tracker, config
        self.waiting: list[tuple[int, Outputs]] = []
        self.since = time.monotonic()

    def add(self, terms: Outputs, step: int) -> float | None:
        """Take the terms of update `step`; the mean loss where a line was written."""
        self.waiting.append((step, terms))
        if step % self.config.log_every and step != self.config.steps:
            return None
        means = self.check()
        images = len(self.waiting) * self.config.batch_size
        means["images_per_second"] = images / max(time.monotonic() - self.since, 1e-9)
        self.tracker.log_metrics(means, step=step)
        self.waiting, self.since = [], time.monotonic()
        return means["loss"]

    def check(self) -> dict[str, float]:
        """The means of what waits; a loss that is not finite is a `GateError`."""
        rows = [(step, {name: float(value) for name, value in terms.items()}) for step, terms in self.waiting]
        for step, row in rows:
            if not math.isfinite(row["loss"]):
                raise GateError(
                    f"the loss is {row['loss']} at update {step}: training stopped. Lower train.learning_rate "
                    f"(now {self.config.learning_rate}) or use train.precision=float32; the terms were {row}."
                )
        return {name: sum(row[name] for _, row in rows) / len(rows) for name in rows[0][1]} if rows else {}


def _header(task: str, model: ModelConfig, config: TrainConfig, data: DataSet) -> Header:
    split = data.train
    return Header(
        task=task,
        model=to_json(model),
        labels=split.labels,
        train=to_json(config),
        data_fingerprint=split.fingerprint,
        trained_on=tuple(split.image_hashes),
        step=0,
    )
