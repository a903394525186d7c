"""`run`: a pipeline value executed here, step after step; what is finished is skipped, what was killed resumes."""

from __future__ import annotations

import importlib
import itertools
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
from scanml.pipelines.champion import fetch_champion, know_champion, settle
from scanml.pipelines.plan import plan
from scanml.pipelines.state import FILE, RunState
from scanml.steps.contract import Options
from scanml.steps.experiment import Experiment
from scanml.steps.output import refuse_inside, remove_partial
from scanml.steps.report import StepReport, is_finished, read_report
from scanml.steps.store import local_or_uri
from scanml.structures.pipeline import Node, Pipeline
from scanml.tracking import MlflowTracker, count_evaluations, recording
from scanml.tracking.journal import UNSENT, is_key
from scanml.tracking.stores import StoreError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """A run that has ended: the report of each node in order, and where its numbers are (`state.tracking_uri`)."""

    out: Path
    state: RunState
    reports: Mapping[str, StepReport]
    was_done: bool = False  # by an earlier call

    @property
    def refused(self) -> str | None:
        """The node that said no, if one did."""
        return next((name for name, report in self.reports.items() if not report.verdict.passed), None)


def run(
    experiment: Experiment, data: str | Path, out: str | Path, *, tracking_uri: str | None = None, fresh: bool = False
) -> Finished:
    """Run `experiment` on the folder `data`; every node writes its own folder in `out`, the bundle is `out`/bundle.

    `tracking_uri` is an MLflow URI (default: SQLite in `out`). After a refusal nothing further runs.

    Raises:
        ConfigError: `out` holds a run of other data or settings.
        DataError: no data, or nothing to look at.
    """
    if isinstance(out := local_or_uri(out), str):
        raise ConfigError(f"--out {out}: a run is written to a local folder; single steps write to URIs.")
    plan(experiment)  # names are checked before anything is written
    inputs = {"data": local_or_uri(data)}
    if isinstance(inputs["data"], Path) and not inputs["data"].exists():
        raise ConfigError(f"--in data={data}: there is no such folder; check the path.")
    refuse_inside(out, inputs["data"], "data")
    if fresh:
        _remove_work(out, plan(experiment, champion_tasks=experiment.tasks))
    state = settle(experiment, out, tracking_uri=tracking_uri)
    pipeline = _plan(experiment, state, inputs, out)
    if _is_done(pipeline, out):
        reports = _run_nodes(pipeline, experiment, inputs, out, state=state)
        return Finished(out, state, reports, was_done=True)
    (out / "report.html").unlink(missing_ok=True)  # of what was there before
    with recording(MlflowTracker.resume(state.tracking_uri, state.parent_run_id, unsent=out / UNSENT)) as tracker:
        if not state.champion_known:
            reports = _run_nodes(_before_gates(pipeline), experiment, inputs, out, state=state)
            if all(report.verdict.passed for report in reports.values()):
                state = know_champion(experiment, state, out)
                pipeline = _plan(experiment, state, inputs, out)
        finished = Finished(out, state, _run_nodes(pipeline, experiment, inputs, out, state=state))
        tracker.log_metrics(_all_metrics(finished), step=0)
        if not is_key(tracker.run_id):
            tracker.log_metrics(_count_evaluations(finished), step=0)
        tracker.set_tags({"scanml.refused_by": finished.refused or ""})
        return finished


def _plan(experiment: Experiment, state: RunState, inputs: dict[str, Path | str], out: Path) -> Pipeline:
    """The pipeline with what is known of the champion, which becomes one of the `inputs`."""
    if state.champion_version is None:
        return plan(experiment)
    inputs["champion"] = fetch_champion(state.tracking_uri, experiment.name, state.champion_version, out=out)
    return plan(experiment, champion_tasks=state.champion_tasks)


def _before_gates(pipeline: Pipeline) -> Pipeline:
    """The nodes that need no champion, up to the first gate."""
    nodes = itertools.takewhile(lambda node: node.step != "gate", pipeline.nodes)
    return Pipeline(pipeline.inputs, tuple(nodes))


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
    inputs: Mapping[str, Path | str],
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
        options = Options(task=node.task, tracking_uri=state.tracking_uri, parent_run_id=state.parent_run_id)
        reports[node.name] = _run_node(node, experiment, sources, place, options)
        if not reports[node.name].verdict.passed:
            _log.error("%s refused", title)
            break
    return reports


def _run_node(
    node: Node, experiment: Experiment, inputs: Mapping[str, Path | str], place: Path, options: Options
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
    node: Node, experiment: Experiment, inputs: Mapping[str, Path | str], place: Path, options: Options, *, backend: str
) -> StepReport:
    settled = place.parent / "experiment.json"
    settled.write_text(json.dumps(to_json(experiment)))
    command = [sys.executable, "-m", "scanml", node.step, "--config", str(settled), "--out", str(place)]
    command += [word for name, path in inputs.items() for word in ("--in", f"{name}={path}")]
    command += ["--task", node.task] if node.task else []
    command += ["--track", "--parent-run", str(options.parent_run_id)]
    environment = {name: value for name, value in os.environ.items() if name != "SCANML_SET"}  # it is in `settled`
    # The store has its password: everybody on the machine reads command lines, only we our environment.
    environment |= {"KERAS_BACKEND": backend, "MLFLOW_TRACKING_URI": str(options.tracking_uri)}
    child = subprocess.Popen(command, env=environment, stdout=sys.stderr)
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
        if is_finished(out / node.name):
            shutil.rmtree(out / node.name)
        if is_finished(out / f"{node.name}.partial" / "plan"):
            remove_partial(out / f"{node.name}.partial")
    if (out / FILE).exists():
        shutil.rmtree(out / "champion", ignore_errors=True)
        (out / FILE).unlink()


def _all_metrics(finished: Finished) -> dict[str, float]:
    """The test metrics of every task."""
    return {
        f"{report.task}.{name}": metric.value
        for report in _evaluations(finished)
        for name, metric in report.metrics.items()
        if metric.value is not None
    }


def _count_evaluations(finished: Finished) -> dict[str, float]:
    """How many tracked evaluations each task's test set has had; nothing where the store does not say."""
    numbers: dict[str, float] = {}
    try:
        for report in _evaluations(finished):
            count = count_evaluations(finished.state.tracking_uri, str(report.facts["test_fingerprint"]))
            numbers[f"{report.task}.test_set_evaluations"] = count
            _log.info("the %s's test set has had %d tracked evaluations", report.task, count)
    except StoreError as error:
        _log.warning("%s", error)
    return numbers


def _evaluations(finished: Finished) -> list[StepReport]:
    return [report for name, report in finished.reports.items() if name.startswith("evaluate-")]
