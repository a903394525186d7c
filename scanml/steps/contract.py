"""How every step runs: finished or not, resumed or refused, and always with a report.

Finished ⇔ OUT/report.json exists. Unfinished work lies in OUT.partial/, locked, and is resumed by itself; at the end
its folder becomes OUT in one move. A refusal is finished too: a report, no product.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from scanml.config import to_json
from scanml.errors import ConfigError, GateError
from scanml.steps.experiment import Experiment
from scanml.steps.output import locked, refuse_inside, writing
from scanml.steps.report import (
    REPORT,
    StepReport,
    fingerprint_input,
    fingerprint_work,
    is_finished,
    read_report,
    write_report,
)
from scanml.steps.tracked import log_beginning, log_end, start_tracker
from scanml.structures.reports import GateVerdict, Metric
from scanml.tracking import Tracker, recording

YES = GateVerdict(True, ())


@dataclass(frozen=True)
class Job:
    """What a step's work is given: it reads `inputs` and writes into `folder`, which a killed run finds again."""

    experiment: Experiment
    inputs: Mapping[str, Path]
    folder: Path
    task: str | None
    tracker: Tracker
    store: str | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a step's work gives back; see `StepReport`. `artifacts` are names in the folder to keep in the tracker."""

    verdict: GateVerdict = YES
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A step: its name, what it reads, what it does, and which part of an experiment decides its result."""

    name: str
    inputs: tuple[str, ...]
    work: Callable[[Job], Outcome]
    settings: Callable[[Experiment, str | None], object]
    optional: tuple[str, ...] = ()
    takes_task: bool = False


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a step is run. `store` is an MLflow URI to write the run down in, `parent_run_id` the run it belongs to."""

    task: str | None = None
    fresh: bool = False
    store: str | None = None
    parent_run_id: str | None = None


def execute(
    step: Step, experiment: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options
) -> StepReport:
    """Run a step, resume it, or find it finished.

    Raises:
        ConfigError: inputs that the step does not know or lacks, or an output of other inputs or settings.
        ArtifactError: an input that is not there, an output that cannot be written.
    """
    output = Path(output)
    paths = _check_inputs(step, inputs, output)
    wanted = _describe(step, experiment, paths, _choose_task(step, experiment, options.task))
    if is_finished(output) and not options.fresh:
        found = read_report(output)
        _refuse_other(wanted, found, output)
        return found
    partial = output.with_name(output.name + ".partial")
    with writing(output), locked(partial):
        if is_finished(output) and not options.fresh:  # by another process, while we waited
            return execute(step, experiment, inputs, output, options)
        wanted, work = _prepare(partial, output, wanted, fresh=options.fresh)
        tracker = start_tracker(experiment, wanted, store=options.store, parent_run_id=options.parent_run_id)
        with recording(tracker):
            log_beginning(tracker, wanted, paths)
            job = Job(experiment, paths, work, wanted.task, tracker, options.store)
            report = _work(step, job, wanted)
            _publish(partial, output)
        return report


def _work(step: Step, job: Job, wanted: StepReport) -> StepReport:
    started, cpu_before = time.monotonic(), _cpu_seconds()
    try:
        _refuse_refused(job.inputs)
        outcome = step.work(job)
    except GateError as error:
        outcome = Outcome(verdict=GateVerdict(False, (str(error),)))
    if not outcome.verdict.passed:
        for path in job.folder.iterdir():
            if path.name != "page.html":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    report = replace(
        wanted,
        verdict=outcome.verdict,
        metrics=outcome.metrics,
        facts=outcome.facts,
        seconds=round(time.monotonic() - started, 3),
        cpu_seconds=round(_cpu_seconds() - cpu_before, 3),
        run_id=job.tracker.run_id,
    )
    report = replace(report, fingerprint=fingerprint_work(job.folder, report))
    write_report(job.folder, report)
    log_end(job.tracker, job.folder, report, artifacts=outcome.artifacts, tags=outcome.tags)
    return report


def _refuse_refused(inputs: Mapping[str, Path]) -> None:
    """No step builds on what an earlier one has refused."""
    for path in inputs.values():
        if is_finished(path) and not (report := read_report(path)).verdict.passed:
            reasons = "; ".join(reason.rstrip(". ") for reason in report.verdict.reasons[:3])
            raise GateError(f"{path}: `scanml {report.step}` refused it: {reasons}.")


def _check_inputs(step: Step, inputs: Mapping[str, str | Path], output: Path) -> dict[str, Path]:
    known = (*step.inputs, *step.optional)
    for name, value in inputs.items():
        if name not in known:
            raise ConfigError(f"scanml {step.name} has no input {name!r}; it reads {', '.join(known)}.")
        if "://" in str(value):
            raise ConfigError(f"--in {name}={value}: expected a local path; copy it here first.")
        refuse_inside(output, Path(value), name)
    missing = [f"--in {name}=PATH" for name in step.inputs if name not in inputs]
    if missing:
        raise ConfigError(f"scanml {step.name} needs {' '.join(missing)} as well.")
    return {name: Path(value) for name, value in inputs.items()}


def _choose_task(step: Step, experiment: Experiment, task: str | None) -> str | None:
    if not step.takes_task:
        return None
    if task is None and len(experiment.tasks) == 1:
        return experiment.tasks[0]
    if task not in experiment.tasks:
        raise ConfigError(f"scanml {step.name} needs --task {' or '.join(experiment.tasks)}, received {task!r}.")
    return task


def _describe(step: Step, experiment: Experiment, paths: Mapping[str, Path], task: str | None) -> StepReport:
    used = to_json(step.settings(experiment, task))
    return StepReport(
        step=step.name,
        version=metadata.version("scanml"),
        task=task,
        inputs={name: fingerprint_input(name, path) for name, path in paths.items()},
        settings={"experiment": experiment.name, "smoke": experiment.smoke, "used": used},
        fingerprint="",
        verdict=YES,
    )


def _refuse_other(wanted: StepReport, found: StepReport, place: Path) -> None:
    if not found.same_work(wanted):
        raise ConfigError(
            f"{place}: holds the work of `scanml {found.step}` with other {wanted.difference(found)}; "
            "choose another --out, or --fresh to do it again."
        )


def _prepare(partial: Path, output: Path, wanted: StepReport, *, fresh: bool) -> tuple[StepReport, Path]:
    """What will be reported, and the work folder: the one that a killed run left behind, or a new one."""
    plan, work = partial / "plan", partial / "work"
    ours = is_finished(plan) or is_finished(output)
    if not ours and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigError(f"{output}: holds something that is not a step's output; choose an empty or new --out.")
    if fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(exist_ok=True)
    if is_finished(plan) and not fresh:
        begun = read_report(plan)
        if any(work.iterdir()):  # where nothing was done yet, a mistake in inputs or settings may be mended
            _refuse_other(wanted, begun, partial)
        wanted = replace(wanted, attempts=begun.attempts + 1 if begun.same_work(wanted) else 1)
    plan.mkdir(exist_ok=True)
    write_report(plan, wanted)
    (work / REPORT).unlink(missing_ok=True)
    return wanted, work


def _publish(partial: Path, output: Path) -> None:
    """Make the work folder the output, in one move; into a mounted folder its files are copied, the report last."""
    work = partial / "work"
    if is_finished(output):  # done again, by --fresh
        shutil.rmtree(partial / "before", ignore_errors=True)  # left by a --fresh that was killed right here
        output.rename(partial / "before")
    try:
        work.rename(output)
    except OSError:
        shutil.copytree(work, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns(REPORT))
        shutil.copy2(work / REPORT, output / f"{REPORT}.new")
        (output / f"{REPORT}.new").replace(output / REPORT)
    shutil.rmtree(partial)


def _cpu_seconds() -> float:
    return sum(os.times()[:4])  # user and system, of this process and of its children
