"""`run`: a pipeline value executed here, step after step; what is finished is skipped, what was killed resumes."""

from __future__ import annotations

import importlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scanml.config import to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.pipelines.plan import plan
from scanml.pipelines.state import FILE, RunState, read_state, write_state
from scanml.steps.contract import Options
from scanml.steps.experiment import Experiment
from scanml.steps.output import refuse_inside
from scanml.steps.report import StepReport, is_finished, read_report
from scanml.structures.pipeline import Node, Pipeline
from scanml.tracking import MlflowTracker, ModelRegistry, count_evaluations, local_store, recording

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """A run that has ended: the report of each node in order, and where its numbers are (`state.store`)."""

    out: Path
    state: RunState
    reports: Mapping[str, StepReport]
    was_done: bool = False  # by an earlier call

    @property
    def refused(self) -> str | None:
        """The node that said no, if one did."""
        return next((name for name, report in self.reports.items() if not report.verdict.passed), None)


def run(
    experiment: Experiment, data: str | Path, out: str | Path, *, store: str | None = None, fresh: bool = False
) -> Finished:
    """Run `experiment` on the folder `data`; every node writes its own folder in `out`, the bundle is `out`/bundle.

    `store` is an MLflow URI (default: SQLite in `out`). After a refusal nothing further runs.

    Raises:
        ConfigError: `out` holds a run of other data or settings.
        DataError: no data, or nothing to look at.
    """
    out = Path(out)
    pipeline = plan(experiment)  # names are checked before anything is written
    inputs = {"data": Path(data)}
    if not inputs["data"].exists():
        raise ConfigError(f"--in data={data}: there is no such folder; check the path.")
    refuse_inside(out, inputs["data"], "data")
    if fresh:
        _remove_work(out, plan(experiment, champion_tasks=experiment.tasks))
    state = _settle(experiment, out, store=store)
    if state.champion_version is not None:
        inputs["champion"] = _fetch_champion(state.store, experiment.name, state.champion_version, out=out)
        pipeline = plan(experiment, champion_tasks=state.champion_tasks)
    if _is_done(pipeline, out):
        reports = _run_nodes(pipeline, experiment, inputs, out, state=state)
        return Finished(out, state, reports, was_done=True)
    (out / "report.html").unlink(missing_ok=True)  # of what was there before
    with recording(MlflowTracker.resume(state.store, state.parent_run_id)) as tracker:
        finished = Finished(out, state, _run_nodes(pipeline, experiment, inputs, out, state=state))
        tracker.log_metrics(_all_metrics(finished), step=0)
        tracker.set_tags({"scanml.refused_by": finished.refused or ""})
        return finished


def _is_done(pipeline: Pipeline, out: Path) -> bool:
    """Whether every node has finished, up to one that refused."""
    for node in pipeline.nodes:
        if not is_finished(out / node.name):
            return False
        if not read_report(out / node.name).verdict.passed:
            return True
    return True


def _run_nodes(
    pipeline: Pipeline,
    experiment: Experiment,
    inputs: Mapping[str, Path],
    out: Path,
    *,
    state: RunState,
) -> dict[str, StepReport]:
    reports: dict[str, StepReport] = {}
    for number, node in enumerate(pipeline.nodes, 1):
        title = f"[{number}/{len(pipeline.nodes)}] {node.name}"
        place = out / node.name
        _log.info("%s%s", title, ": done before" if is_finished(place) else "")
        sources = {name: inputs.get(source, out / source) for name, source in node.inputs.items()}
        options = Options(task=node.task, store=state.store, parent_run_id=state.parent_run_id)
        reports[node.name] = _run_node(node, experiment, sources, place, options)
        if not reports[node.name].verdict.passed:
            _log.error("%s refused", title)
            break
    return reports


def _run_node(
    node: Node, experiment: Experiment, inputs: Mapping[str, Path], place: Path, options: Options
) -> StepReport:
    other = None if is_finished(place) else _other_backend(node, experiment)
    if other is not None:
        return _run_in_child(node, experiment, inputs, place, options, backend=other)
    step = importlib.import_module(f"scanml.steps.{node.step}")
    report: StepReport = step.run(experiment, inputs, place, options)
    return report


def _other_backend(node: Node, experiment: Experiment) -> str | None:
    """Keras runs on one backend per process: the node's, where that is another than the one already loaded."""
    wanted = {"export": "tensorflow"}.get(node.step)
    if node.step in ("train", "evaluate"):
        wanted = experiment.train_config(str(node.task)).backend
    if wanted is None:
        return None
    if "keras" in sys.modules:
        return None if sys.modules["keras"].backend.backend() == wanted else wanted
    from scanml.training.device import choose_backend

    choose_backend(wanted)
    return None


def _run_in_child(
    node: Node, experiment: Experiment, inputs: Mapping[str, Path], place: Path, options: Options, *, backend: str
) -> StepReport:
    settled = place.parent / "experiment.json"
    settled.write_text(json.dumps(to_json(experiment)))
    command = [sys.executable, "-m", "scanml", node.step, "--config", str(settled), "--out", str(place)]
    command += [word for name, path in inputs.items() for word in ("--in", f"{name}={path}")]
    command += ["--task", node.task] if node.task else []
    command += ["--track", str(options.store), "--parent-run", str(options.parent_run_id)]
    environment = {name: value for name, value in os.environ.items() if name != "SCANML_SET"}  # it is in `settled`
    child = subprocess.Popen(command, env=environment | {"KERAS_BACKEND": backend}, stdout=sys.stderr)
    try:
        code = child.wait()
    except BaseException:  # Ctrl-C or SIGTERM: the child writes its checkpoint first
        child.terminate()
        child.wait()
        raise
    if code not in (0, 3):
        raise ArtifactError(f"{node.name} ended with exit code {code}; its message is above.")
    return read_report(place)


def _remove_work(out: Path, pipeline: Pipeline) -> None:
    """Remove what earlier runs of `pipeline` wrote into `out`, and nothing else."""
    for node in pipeline.nodes:
        for folder in (out / node.name, out / f"{node.name}.partial"):
            if is_finished(folder) or is_finished(folder / "plan"):
                shutil.rmtree(folder)
    if (out / FILE).exists():
        shutil.rmtree(out / "champion", ignore_errors=True)
        (out / FILE).unlink()


def _settle(experiment: Experiment, out: Path, *, store: str | None) -> RunState:
    """Open the MLflow run and look up the champion, once per `out`."""
    state = read_state(out)
    if state is not None and (store is None or store == state.store):
        return state
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(f"{out}: cannot be written ({error.strerror}); choose another --out.") from error
    place = store or local_store(out)
    tracker = MlflowTracker.start(place, experiment=experiment.name, run_name="run", tags={"scanml.step": "run"})
    tracker.log_params({"experiment": experiment})
    version = None if experiment.smoke else ModelRegistry(place).champion(experiment.name)
    tasks: tuple[str, ...] = ()
    if version is not None:
        champion = _fetch_champion(place, experiment.name, version, out=out)
        tasks = tuple(task for task in experiment.tasks if task in _judged_tasks(champion))
    state = RunState(
        store=place,
        parent_run_id=str(tracker.run_id),
        champion_version=version if tasks else None,
        champion_tasks=tasks,
    )
    write_state(out, state)
    return state


def _judged_tasks(bundle: Path) -> tuple[str, ...]:
    from scanml.export import open_bundle

    return tuple(open_bundle(bundle).manifest.verdicts)


def _fetch_champion(store: str, name: str, version: int, *, out: Path) -> Path:
    folder = out / "champion"
    if not folder.exists():
        ModelRegistry(store).download(name, version, out=folder)
    return folder


def _all_metrics(finished: Finished) -> dict[str, float]:
    """The test metrics of every task, and how many tracked evaluations each test set has had."""
    numbers: dict[str, float] = {}
    for name, report in finished.reports.items():
        if not name.startswith("evaluate-"):
            continue
        for key, metric in report.metrics.items():
            if metric.value is not None:
                numbers[f"{report.task}.{key}"] = metric.value
        count = count_evaluations(finished.state.store, str(report.facts["test_fingerprint"]))
        numbers[f"{report.task}.test_set_evaluations"] = count
        _log.info("the %s's test set has had %d tracked evaluations", report.task, count)
    return numbers
