"""`scanml train`: shards → a model. Writes checkpoint/, history.jsonl, samples/ (pictures to prove the export on)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport

NUM_SAMPLES = 8  # validation pictures, kept as they are encoded


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Train the model of `options.task` on the shards; refuses when the loss is not finite."""
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    from scanml.datasets import open_shards
    from scanml.training import train

    task = str(job.task)
    data = open_shards(job.inputs["shards"] / "shards")
    config = job.experiment.train_config(task)
    model = train(job.experiment.model(task), data, config=config, out=job.folder, tracker=job.tracker)
    samples = job.folder / "samples"
    samples.mkdir(exist_ok=True)
    for index in range(min(NUM_SAMPLES, len(data.validation))):
        (samples / f"{index:02d}").write_bytes(data.validation.read(index))
    facts = {"parameters": int(model.count_params()), "updates": config.steps, "images": len(data.train)}
    return Outcome(facts=facts, artifacts=("history.jsonl", "checkpoint"))


def _settings(experiment: Experiment, task: str | None) -> object:
    return [experiment.model(str(task)), experiment.train_config(str(task))]


STEP = Step("train", ("shards",), _work, _settings, takes_task=True)
