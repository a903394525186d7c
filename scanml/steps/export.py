"""`scanml export`: judged models, markers and lenses → the bundle, its graph proven equal to the models in memory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from scanml.config import to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport, fingerprint_input, read_verified
from scanml.structures.batches import TASKS

NUM_PROOFS = 8  # pictures that the SavedModel is asked about, twice each; files for phones are made from all
_EXTRAS = {"markers": "markers", "catalog": "lenses.json"}  # input → what is looked for in a step's output


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Write the bundle of `detector` and/or `classifier` (outputs of `train`) with their verdicts (of `gate`).

    `markers` and `catalog` are the output of `extract`, or a folder of pictures and a lenses.json. Refuses when a
    verdict is no, or when the SavedModel, or a file for phones, differs from the model in memory.
    """
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    tasks = [task for task in TASKS if task in job.inputs]
    if not tasks:
        raise ConfigError("scanml export needs --in detector=PATH, --in classifier=PATH, or both.")
    reports = {task: _judged(job, task) for task in tasks}
    from scanml.training.device import prefer_backend

    prefer_backend("tensorflow")
    from scanml.export import Origin, add_phones, write_bundle
    from scanml.models import SceneModel
    from scanml.training import load_model

    for path in job.folder.iterdir():  # what a killed export left behind proves nothing
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    models = {task: load_model(job.inputs[task] / "checkpoint") for task in tasks}
    origin = Origin(
        config=to_json(job.experiment),
        fingerprints={name: fingerprint_input(name, path) for name, path in job.inputs.items()},
        metrics={task: report.metrics for task, report in reports.items()},
        verdicts={task: report.verdict for task, report in reports.items()},
    )
    model, samples = SceneModel(**models), _samples(job.inputs[tasks[0]] / "samples")
    bundle = write_bundle(
        job.folder,
        model,
        origin,
        images=dict([*samples.items()][:NUM_PROOFS]),
        markers=_extra(job, "markers"),
        lenses=_extra(job, "catalog"),
    )
    if job.experiment.export.litert:
        bundle = add_phones(bundle, model, samples)
    facts = {"fingerprint": bundle.manifest.fingerprint, "parity": dict(bundle.manifest.parity)}
    return Outcome(facts=facts, artifacts=("manifest.json",))


def _judged(job: Job, task: str) -> StepReport:
    """The gate's report on the model of `task`; it must be on this very model, and say yes."""
    name = f"{task}_verdict"
    if name not in job.inputs:
        raise ConfigError(f"scanml export needs --in {name}=PATH, the output of `scanml gate`, beside {task}.")
    verdict = read_verified(job.inputs[name], step="gate")
    model = read_verified(job.inputs[task], step="train")
    if verdict.task != task or model.task != task or verdict.facts.get("model") != model.fingerprint:
        raise ArtifactError(f"{job.inputs[name]}: judges another model than {job.inputs[task]}; gate this one.")
    return verdict


def _samples(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}


def _extra(job: Job, name: str) -> Path | None:
    """The markers' folder or the catalogue's file, in a step's output or given itself; None if there is none."""
    path = job.inputs.get(name)
    if path is None:
        return None
    inside = path / _EXTRAS[name]
    if inside.exists():
        return inside
    return None if path.is_dir() and (path / "report.json").exists() else path


STEP = Step(
    "export",
    (),
    _work,
    lambda experiment, _: experiment,
    optional=(*TASKS, *(f"{task}_verdict" for task in TASKS), *_EXTRAS),
)
