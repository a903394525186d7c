"""`scanml train`: shards → a model. Writes checkpoint/, history.jsonl, samples/ (pictures to prove the export on)."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scanml.errors import ArtifactError
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport
from scanml.structures.batches import Task
from scanml.structures.reports import GateVerdict

if TYPE_CHECKING:
    from scanml.training.checkpoint import Header

if TYPE_CHECKING:
    from scanml.datasets import Split

# Validation pictures, as they are encoded, up to so many bytes. TensorFlow's guide to integer quantization asks for
# 100 to 500; with 8 the demo's detector lost 0.002 of AP.
NUM_SAMPLES, SAMPLES_BYTES = 100, 64 << 20

_log = logging.getLogger(__name__)


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Train the model of `options.task` on the shards; refuses when the loss is not finite.

    `init` is the output of another training, whose weights this one begins with; `checkpoint` is an unfinished
    training of the same settings and data, with which it goes on.
    """
    return execute(STEP, config, inputs, output, options or Options())


def self_test(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Learn eight pictures by heart and say whether labels, loss and decoding work; refuses where they do not."""
    return execute(SELF_TEST, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    from scanml.datasets import open_shards
    from scanml.training import train
    from scanml.training.checkpoint import describe
    from scanml.training.doubts import doubts, untaught

    task = _task(job)
    data = open_shards(job.inputs["shards"] / "shards")
    config, model_config = job.experiment.train_config(task), job.experiment.model(task)
    found = doubts(data.train, task, image_size=model_config.image_size)
    for doubt in found:
        _log.warning("%s", doubt)
    init = job.inputs["init"] / "checkpoint" if "init" in job.inputs else None
    if "checkpoint" in job.inputs:
        wanted = describe(task, model_config, config, data.train, init=init)
        _go_on_from(job.inputs["checkpoint"], wanted, folder=job.folder)

    def keep(checkpoint: Path) -> None:
        job.keep(job.folder / "history.jsonl")
        job.keep(checkpoint)

    model = train(model_config, data, config=config, out=job.folder, init=init, tracker=job.tracker, saved=keep)
    _keep_samples(data.validation, job.folder / "samples")
    last = json.loads((job.folder / "history.jsonl").read_text().splitlines()[-1])
    found += filter(None, [untaught(last)])
    facts = {"parameters": int(model.count_params()), "updates": config.steps, "images": len(data.train)}
    return Outcome(facts=facts | {"doubts": found}, artifacts=("history.jsonl", "checkpoint"))


def _keep_samples(validation: Split, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    left = SAMPLES_BYTES
    for index in range(min(NUM_SAMPLES, len(validation))):
        data = validation.read(index)
        left -= len(data)
        if index and left < 0:
            break
        (folder / f"{index:02d}").write_bytes(data)


def _self_test(job: Job) -> Outcome:
    from scanml.datasets import open_shards
    from scanml.training import self_test as tests

    task = _task(job)
    data = open_shards(job.inputs["shards"] / "shards")
    model_config, config = job.experiment.model(task), job.experiment.train_config(task)
    result = tests.self_test(model_config, data, task, config=config, out=job.folder)
    shutil.rmtree(job.folder / "checkpoint")  # nobody should take it for a model
    (job.folder / "page.html").write_text(result.report.page, encoding="utf-8")
    _log.info("%s", result.sentence)
    verdict = GateVerdict(result.passed, () if result.passed else (result.sentence, *result.doubts))
    facts = {"sentence": result.sentence, "doubts": list(result.doubts)}
    return Outcome(verdict=verdict, metrics=result.report.metrics, facts=facts, artifacts=("page.html",))


def _task(job: Job) -> Task:
    return "detector" if job.task == "detector" else "classifier"


def _go_on_from(source: Path, wanted: Header, *, folder: Path) -> None:
    """Begin with the unfinished training of `source`, if it is the `wanted` one and this one has not begun."""
    from scanml.training.checkpoint import FILE, find_header

    places = [source / "checkpoint" / FILE, source / "work" / "checkpoint" / FILE]  # a step's OUT, or its OUT.partial
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise ArtifactError(f"{source}: expected a training with checkpoint/{FILE}, found none.")
    find_header(found.parent, wanted)
    target = folder / "checkpoint" / FILE
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        history = found.parent.parent / "history.jsonl"
        if history.exists():
            shutil.copy2(history, folder / history.name)
        shutil.copy2(found, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)  # last, and whole: what is there is not copied again


def _settings(experiment: Experiment, task: str | None) -> object:
    return [experiment.model(str(task)), experiment.train_config(str(task))]


STEP = Step("train", ("shards",), _work, _settings, optional=("checkpoint", "init"), takes_task=True)
SELF_TEST = Step("train --self-test", ("shards",), _self_test, _settings, takes_task=True)
