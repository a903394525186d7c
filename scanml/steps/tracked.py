"""A step's run in MLflow: its settings, the data it read, its numbers and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.steps.experiment import Experiment
from scanml.steps.report import NOT_PRODUCTS, StepReport
from scanml.tracking import MlflowTracker, NullTracker, Tracker


def start_tracker(
    experiment: Experiment, report: StepReport, *, store: str | None, parent_run_id: str | None
) -> Tracker:
    """A run for the step in `store`; nothing is written down where there is none."""
    if store is None:
        return NullTracker()
    name = f"{report.step} {report.task}" if report.task else report.step
    tags = {"scanml.step": report.step, "scanml.task": report.task or "", "scanml.smoke": str(experiment.smoke).lower()}
    return MlflowTracker.start(store, experiment=experiment.name, run_name=name, parent_run_id=parent_run_id, tags=tags)


def log_beginning(tracker: Tracker, report: StepReport, paths: Mapping[str, Path]) -> None:
    """Settings and inputs of a step that begins."""
    tracker.log_params({"settings": report.settings})
    for name, path in paths.items():
        tracker.log_dataset(name, report.inputs[name], source=str(path.resolve()))


def log_end(
    tracker: Tracker, folder: Path, report: StepReport, *, artifacts: tuple[str, ...], tags: Mapping[str, str]
) -> None:
    """Numbers and files of a step that has finished in `folder`."""
    values = {name: metric.value for name, metric in report.metrics.items() if metric.value is not None}
    tracker.log_metrics({**values, "seconds": report.seconds, "cpu_seconds": report.cpu_seconds}, step=0)
    tracker.set_tags({"scanml.passed": str(report.verdict.passed).lower(), **tags})
    for name in (*NOT_PRODUCTS, *artifacts):
        if (folder / name).exists():
            tracker.log_artifact(folder / name)
