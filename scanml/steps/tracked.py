"""A step's run in MLflow: its settings, the data it read, its numbers and its files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scanml.config import to_json
from scanml.steps.experiment import Experiment
from scanml.steps.report import NOT_PRODUCTS, StepReport
from scanml.tracking import MlflowTracker, NullTracker, Tracker
from scanml.tracking.journal import UNSENT
from scanml.tracking.lineage import FINGERPRINT_TAG
from scanml.tracking.stores import without_password


def start_tracker(
    experiment: Experiment,
    report: StepReport,
    *,
    tracking_uri: str | None,
    parent_run_id: str | None,
    beside: Path,
) -> Tracker:
    """A run for the step in `tracking_uri`; nothing is written down where there is none.

    What the store does not take yet waits in `scanml-unsent` in the folder `beside`.
    """
    if tracking_uri is None:
        return NullTracker()
    name = f"{report.step} {report.task}" if report.task else report.step
    tags = {"scanml.step": report.step, "scanml.task": report.task or "", "scanml.smoke": str(experiment.smoke).lower()}
    tracker = MlflowTracker.start(
        tracking_uri,
        experiment=experiment.name,
        run_name=name,
        parent_run_id=parent_run_id,
        tags=tags,
        unsent=beside / UNSENT,
    )
    with tempfile.TemporaryDirectory() as folder:
        settled = Path(folder) / "experiment.json"  # what `--config` takes to do it again
        settled.write_text(json.dumps(to_json(experiment), indent=1))
        tracker.log_artifact(settled)
    return tracker


def log_beginning(tracker: Tracker, report: StepReport, sources: Mapping[str, Path | str]) -> None:
    """Settings of a step that begins, and where its inputs are."""
    tracker.log_params({"settings": report.settings})
    for name, source in sources.items():
        place = source.resolve() if isinstance(source, Path) else without_password(source)
        tracker.log_dataset(name, report.inputs[name], source=str(place))


def log_end(
    tracker: Tracker, folder: Path, report: StepReport, *, artifacts: tuple[str, ...], tags: Mapping[str, str]
) -> None:
    """Numbers and files of a step that has finished in `folder`."""
    values = {name: metric.value for name, metric in report.metrics.items() if metric.value is not None}
    tracker.log_metrics({**values, "seconds": report.seconds, "cpu_seconds": report.cpu_seconds}, step=0)
    tracker.set_tags({"scanml.passed": str(report.verdict.passed).lower(), FINGERPRINT_TAG: report.fingerprint, **tags})
    for name in (*NOT_PRODUCTS, *artifacts):
        if (folder / name).exists():
            tracker.log_artifact(folder / name)
