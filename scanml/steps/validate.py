"""`scanml validate`: is this folder of pictures and labels sound? Reads `data`; writes report.json and page.html."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport
from scanml.structures.reports import GateVerdict

_log = logging.getLogger(__name__)


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Look at every label and picture of the folder `data`; refuses when a finding is an error."""
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    from scanml.datasets.validate import inspect_folder
    from scanml.evaluation.data_page import data_page

    config = job.experiment.data
    report, splits = inspect_folder(job.inputs["data"], config=config)
    data_page(report, splits, max_megapixels=config.max_megapixels).write(job.folder / "page.html")
    if job.experiment.classifier and not any(split.labels.trigger_names for split in splits):
        _log.warning("warning: the experiment has a classifier, the data no triggers.jsonl: it will not be trained.")
    errors, warnings = ([g for g in report.groups if g.severity == s] for s in ("error", "warning"))
    for group in warnings:
        _log.warning("warning: %s × %s, such as %s", f"{group.count:,}", group.kind, group.findings[0].where)
    return Outcome(verdict=GateVerdict(report.passed, tuple(map(str, errors))), facts=report.to_json())


STEP = Step("validate", ("data",), _work, lambda experiment, _: experiment.data)
