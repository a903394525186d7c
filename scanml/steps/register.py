"""`scanml register`: a bundle becomes a model version in MLflow, and versions become champion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.errors import ArtifactError, ConfigError, GateError
from scanml.steps.contract import Job, Options, Outcome, Step, execute, open_output
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport, is_finished, read_report
from scanml.steps.store import local_or_uri
from scanml.tracking.lineage import Ancestor, Lineage
from scanml.tracking.stores import without_password

NO_STORE = "expected an MLflow store: give --track URI or set MLFLOW_TRACKING_URI, for example sqlite:///mlflow.db."


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Store `bundle` as a version of the model `config.name`, with the alias `challenger`.

    Refuses a bundle with a verdict that is no, or that came of a smoke test.

    Raises:
        ConfigError: no store, or `output` says that it was registered in another one.
    """
    options = options or Options()
    if options.tracking_uri is None:
        raise ConfigError(f"scanml register: {NO_STORE}")
    found = None if options.fresh else open_output(local_or_uri(output)).finished()
    if found is not None:
        before = found.facts.get("store", without_password(options.tracking_uri))
        if before != without_password(options.tracking_uri):
            raise ConfigError(f"{output}: this was registered in {before}; choose another --out, or --fresh.")
    return execute(STEP, config, inputs, output, options)


def promote(config: Experiment, tracking_uri: str, *, version: int | None = None) -> int:
    """Make `version` (default: the challenger) champion and return its number."""
    from scanml.tracking import ModelRegistry

    return ModelRegistry(tracking_uri, must_exist=True).promote(config.name, version=version)


def rollback(config: Experiment, tracking_uri: str) -> int:
    """Make the champion before the present one champion again and return its version."""
    from scanml.tracking import ModelRegistry

    return ModelRegistry(tracking_uri, must_exist=True).rollback(config.name)


def lineage(config: Experiment, tracking_uri: str, *, version: int | None = None) -> Lineage:
    """Where `version` (default: the champion, else the challenger) comes from."""
    from scanml.tracking import ModelRegistry
    from scanml.tracking import lineage as walk

    registry = ModelRegistry(tracking_uri, must_exist=True)
    version = version or registry.champion(config.name) or registry.challenger(config.name)
    if version is None:
        raise ArtifactError(f"{without_password(tracking_uri)}: no version of {config.name}; register a bundle first.")
    return walk(tracking_uri, config.name, version)


def images_of(ancestor: Ancestor) -> dict[str, list[tuple[str, str]]] | None:
    """(file name, hash of its pixels) of every picture by split, read from the shards where `extract` left them.

    None where this is no output of `extract`, it lies elsewhere now, or was made again of other data.
    """
    from scanml.datasets import open_split

    folder = Path(ancestor.source)
    if ancestor.run is None or not ancestor.run.images or not is_finished(folder):
        return None
    if read_report(folder).fingerprint != ancestor.fingerprint:
        return None
    splits = {name: open_split(folder / "shards" / name, verify=False) for name in ancestor.run.images}
    return {name: [(record.file_name, record.pixel_hash) for record in split.records] for name, split in splits.items()}


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
    tracking_uri = str(job.tracking_uri)
    version = ModelRegistry(tracking_uri).register(
        bundle.folder,
        name=job.experiment.name,
        experiment=job.experiment.name,
        run_id=job.tracker.run_id,
        metrics=values,
    )
    store = without_password(tracking_uri)
    facts = {"model": job.experiment.name, "version": version, "alias": "challenger", "store": store}
    return Outcome(facts=facts)


STEP = Step("register", ("bundle",), _work, lambda experiment, _: experiment.name)
