"""`scanml validate`: is this folder of pictures and labels sound? Reads `data`; writes report.json and page.html."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.config import to_json
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport
from scanml.structures.reports import GateVerdict


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Look at every label and picture of the folder `data`; refuses when a finding is an error."""
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    from scanml.datasets.load import inspect_folder
    from scanml.evaluation.data_page import data_page

    report, data = inspect_folder(job.inputs["data"], config=job.experiment.data)
    data_page(report, list(data) if data else []).write(job.folder / "page.html")
    return Outcome(
        verdict=GateVerdict(report.passed, tuple(str(finding) for finding in report.errors)),
        facts={"counts": dict(report.counts), "findings": to_json(report.findings)},
    )


STEP = Step("validate", ("data",), _work, lambda experiment, _: experiment.data)
