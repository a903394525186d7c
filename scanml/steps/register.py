"""`scanml register`: a bundle becomes a model version in MLflow, and versions become champion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.errors import ConfigError, GateError
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport, is_finished, read_report

NO_STORE = "expected an MLflow store: give --track URI or set MLFLOW_TRACKING_URI, for example sqlite:///mlflow.db."


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Store `bundle` as a version of the model `config.name`, with the alias `challenger`.

    Refuses a bundle with a verdict that is no, or that came of a smoke test.

    Raises:
        ConfigError: no store, or `output` says that it was registered in another one.
    """
    options, output = options or Options(), Path(output)
    if options.store is None:
        raise ConfigError(f"scanml register: {NO_STORE}")
    if is_finished(output) and not options.fresh:
        before = read_report(output, step="register").facts.get("store", options.store)
        if before != options.store:
            raise ConfigError(f"{output}: this was registered in {before}; choose another --out, or --fresh.")
    return execute(STEP, config, inputs, output, options)


def promote(config: Experiment, store: str, *, version: int | None = None) -> int:
    """Make `version` (default: the challenger) champion and return its number."""
    from scanml.tracking import ModelRegistry

    return ModelRegistry(store).promote(config.name, version=version)


def rollback(config: Experiment, store: str) -> int:
    """Make the champion before the present one champion again and return its version."""
    from scanml.tracking import ModelRegistry

    return ModelRegistry(store).rollback(config.name)


def _work(job: Job) -> Outcome:
    from scanml.export import open_bundle
    from scanml.tracking import ModelRegistry

    bundle = open_bundle(job.inputs["bundle"])
    manifest = bundle.manifest
    for task in [*(["detector"] * bool(manifest.class_names)), *(["classifier"] * bool(manifest.trigger_names))]:
        verdict = manifest.verdicts.get(task)
        if verdict is None:
            raise GateError(
                f"{bundle.folder}: nobody has judged its {task}; export it with a verdict of `scanml gate`."
            )
        if verdict.smoke:
            raise GateError(f"{bundle.folder}: its {task} came of a smoke test; run without --smoke to register one.")
        if not verdict.passed:
            raise GateError(f"{bundle.folder}: the verdict on its {task} is no: {'; '.join(verdict.reasons)}")
    values = {
        f"{task}.{name}": metric.value
        for task, metrics in manifest.metrics.items()
        for name, metric in metrics.items()
        if metric.value is not None
    }
    store = str(job.store)
    version = ModelRegistry(store).register(
        bundle.folder,
        name=job.experiment.name,
        experiment=job.experiment.name,
        run_id=job.tracker.run_id,
        metrics=values,
    )
    return Outcome(facts={"model": job.experiment.name, "version": version, "alias": "challenger", "store": store})


STEP = Step("register", ("bundle",), _work, lambda experiment, _: experiment.name)
