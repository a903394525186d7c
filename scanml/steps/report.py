"""`report.json`: what every finished step says of itself, and how the next one reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanml.config import fingerprint, from_json, to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.files import fingerprint_files, write_whole
from scanml.structures.reports import GateVerdict, Metric

REPORT = "report.json"
NOT_PRODUCTS = (REPORT, "page.html")
_NOT_THE_RESULT = (*NOT_PRODUCTS, "history.jsonl")  # its seconds differ between two trainings that end bit-equal


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """A finished step. `fingerprint` is that of its products and findings, `inputs` those of what it read.

    `settings` are what it read of the experiment, `facts` whatever else the next step needs. Both kinds of seconds are
    those of the last of its `attempts`: a killed one cannot say how long it took.
    """

    step: str
    version: str
    task: str | None
    inputs: Mapping[str, str]
    settings: object
    fingerprint: str
    verdict: GateVerdict
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    attempts: int = 1
    run_id: str | None = None

    def same_work(self, other: StepReport) -> bool:
        """Whether both come of the same step, task, inputs and settings."""
        return not self.difference(other)

    def difference(self, other: StepReport) -> str:
        """What differs in the work of both, in words."""
        names = [
            n for n in ("step", "task", "inputs", "settings") if to_json(getattr(self, n)) != to_json(getattr(other, n))
        ]
        return " and ".join(names)


def is_finished(folder: Path) -> bool:
    """Whether a step has finished in `folder`."""
    return (folder / REPORT).is_file()


def read_report(folder: Path, *, step: str | None = None) -> StepReport:
    """The report of the step that finished in `folder`.

    Raises:
        ArtifactError: nothing finished there, it is damaged, or it is another step's.
    """
    path = folder / REPORT
    if not path.is_file():
        raise ArtifactError(f"{folder}: expected the output of a finished scanml step, but there is no {REPORT} in it.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}).") from error
    report = parse_report(data, where=str(path))
    if step is not None and report.step != step:
        raise ArtifactError(f"{folder}: expected the output of `scanml {step}`, found that of `scanml {report.step}`.")
    return report


def parse_report(data: bytes, *, where: str) -> StepReport:
    """The report that `data` is; errors call it `where`."""
    try:
        return from_json(StepReport, json.loads(data), where=where)
    except (ValueError, RecursionError, ConfigError) as error:
        raise ArtifactError(f"{where}: no report of a scanml step ({error}); run the step again.") from error


def fingerprint_work(folder: Path, report: StepReport) -> str:
    """What a report's `fingerprint` must be: of the products in `folder` and of what the report found."""
    products = fingerprint_files(folder, without=_NOT_THE_RESULT)
    return fingerprint([products, report.verdict, report.metrics, report.facts])


def read_verified(folder: Path, *, step: str | None = None) -> StepReport:
    """`read_report`, and every product is as the step has left it.

    Raises:
        ArtifactError: as `read_report`, or something in `folder` has changed since.
    """
    report = read_report(folder, step=step)
    if fingerprint_work(folder, report) != report.fingerprint:
        raise ArtifactError(f"{folder}: has changed since `scanml {report.step}` finished there; run that step again.")
    return report


def write_report(folder: Path, report: StepReport) -> None:
    """Write `folder`/report.json."""
    write_whole(folder / REPORT, json.dumps(to_json(report), indent=1) + "\n")


def fingerprint_input(name: str, path: Path) -> str:
    """A step's output is known by its report, any other file or folder by its content.

    Raises:
        ArtifactError: there is nothing, or it cannot be read.
    """
    if not path.exists():
        raise ArtifactError(f"--in {name}={path}: there is no such file or folder; check the path.")
    if is_finished(path):
        return read_report(path).fingerprint
    if path.with_name(path.name + ".partial").exists() and not any(path.iterdir() if path.is_dir() else ()):
        raise ArtifactError(f"--in {name}={path}: the step that writes it has not finished; run it again.")
    try:
        return fingerprint_files(path)
    except OSError as error:
        raise ArtifactError(f"--in {name}={path}: cannot be read ({error.strerror}: {error.filename}).") from error
