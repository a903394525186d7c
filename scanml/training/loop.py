"""`train`: from a model's config and a data set to a trained model, top to bottom."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from scanml.datasets.pipeline import BatchSource
from scanml.datasets.records import DataSet
from scanml.tracking import JsonlTracker, NullTracker, TeeTracker, Tracker
from scanml.training.checkpoint import Header, Writer, describe, find_header, load_model, new_model, restore, save
from scanml.training.config import TrainConfig
from scanml.training.device import compute_in, prepare
from scanml.training.interrupt import stop_request
from scanml.training.numbers import Numbers

if TYPE_CHECKING:
    from scanml.models.build import ModelConfig, SceneNetwork
    from scanml.training.step import Updates

CACHE = "cache"  # decoded pictures, beside the checkpoint while the training runs


def train(
    model_config: ModelConfig,
    data: DataSet,
    *,
    config: TrainConfig | None = None,
    out: str | Path,
    init: str | Path | None = None,
    tracker: Tracker | None = None,
    saved: Callable[[Path], None] = lambda checkpoint: None,
) -> SceneNetwork:
    """Train a new model on `data.train`, choose temperature and thresholds on `data.validation`, return it.

    Writes `out`/checkpoint and `out`/history.jsonl. A training that stood there unfinished, with the same settings and
    data, goes on where it stopped; a finished one is loaded. SIGTERM and Ctrl-C write a checkpoint first.

    Args:
        init: the checkpoint folder of a trained model, whose weights this one begins with where they have the same
            place and shape; its classes may be others.
        saved: called with every checkpoint once it is on disk, from another thread.

    Raises:
        ConfigError: settings that do not fit the data or the devices, or a batch that does not fit the memory.
        GateError: the loss is not finite.
        ArtifactError: `out` holds another training, or cannot be written.
    """
    config, out, init = config or TrainConfig(), Path(out), Path(init) if init else None
    prepare(config)  # before anything below imports Keras
    from scanml.models.build import build_model
    from scanml.training.step import Updates
    from scanml.training.warm_start import begin_with

    labels = data.train.labels
    with compute_in(config.precision):
        model = build_model(model_config, labels)
    header = describe(model.task, model_config, config, data.train, init=init)
    found = find_header(out / "checkpoint", header)
    if found and found.finished:
        return load_model(out / "checkpoint")
    if init and not found:
        begin_with(model, load_model(init))
    updates = Updates(model, config)
    if found:
        updates.load(restore(out / "checkpoint", updates.state))
        header = found
    with Writer(out / "checkpoint", saved) as writer:
        _run(updates, data, header, writer, history=out / "history.jsonl", tracker=tracker or NullTracker())
    return _finish(updates, data, replace(header, step=config.steps), out / "checkpoint")


def _run(updates: Updates, data: DataSet, header: Header, writer: Writer, *, history: Path, tracker: Tracker) -> None:
    """The updates after `header.step`, with a line of numbers and a checkpoint every so often."""
    from scanml.training.memory import run_updates

    config, step = updates.config, header.step
    source = BatchSource(
        data.train,
        updates.model.task,
        image_size=updates.model.scanml_config.image_size,
        batch_size=config.batch_size,
        augment=config.augment,
        seed=config.seed,
        num_steps=config.steps,
        cache=writer.folder.with_name(CACHE),
    )
    lines = JsonlTracker(history)
    lines.truncate_after(step)
    numbers = Numbers(TeeTracker(lines, tracker), config)
    bar = tqdm(total=config.steps, initial=step, desc=f"train {header.task}", unit="update", disable=None)
    with bar, stop_request() as stop:
        for batches in source.stream(step, config.steps, at_once=config.updates_per_call):
            rows = run_updates(updates, batches, wait=step == header.step)  # the first call compiles as well
            step += len(rows)
            loss = numbers.add(rows, updates.names, step=step)
            if loss is not None:
                bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            bar.update(len(rows))
            if step % config.checkpoint_every < len(rows) or step == config.steps or stop:
                numbers.check(updates.names, step=step)
                writer.save(replace(header, step=step), updates.fetch())
            if stop:
                writer.wait()
                stop.obey()


def _finish(updates: Updates, data: DataSet, header: Header, folder: Path) -> SceneNetwork:
    """Keep the average alone, in float32, calibrate it, and return it as a model of its own."""
    from scanml.training.calibrate import calibrate
    from scanml.training.optimizer import averaged

    updates.use_average()
    model = new_model(header, where=folder)
    for variable, value in zip(averaged(model), averaged(updates.model), strict=True):
        variable.assign(value)
    if model.task == "classifier":
        calibrate(model, train=data.train, validation=data.validation)
    shutil.rmtree(folder.with_name(CACHE), ignore_errors=True)  # first: a finished training is not looked at again
    save(folder, replace(header, finished=True), {"average": averaged(model)})
    return model
