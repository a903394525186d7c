"""Folders as finished steps leave them, written by hand."""

from dataclasses import replace

import pytest

from scanml.steps.contract import YES
from scanml.steps.report import StepReport, fingerprint_work, write_report


@pytest.fixture
def finish():
    """`finish(folder, "train", task="detector", ...)` writes the report that the step would."""

    def finish(folder, step, *, task=None, verdict=YES, inputs=None, metrics=None, facts=None):
        folder.mkdir(parents=True, exist_ok=True)
        report = StepReport(
            step=step,
            version="0",
            task=task,
            inputs=inputs or {},
            settings={},
            fingerprint="",
            verdict=verdict,
            metrics=metrics or {},
            facts=facts or {},
        )
        report = replace(report, fingerprint=fingerprint_work(folder, report))
        write_report(folder, report)
        return report

    return finish
