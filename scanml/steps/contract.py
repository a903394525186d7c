"""How every step runs: finished or not, resumed or refused, and always with a report.

Finished ⇔ OUT/report.json exists. Unfinished work lies in OUT.partial/, locked, and is resumed by itself; at the end
its folder becomes OUT, the report last. A refusal is finished too: a report, no product. Inputs and OUT may be URIs.
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
from scanml.steps.inputs import Inputs, reading
from scanml.steps.output import LocalOutput, Output, refuse_inside
from scanml.steps.report import (
    REPORT,
    StepReport,
    fingerprint_work,
    is_finished,
    read_report,
    write_report,
)
from scanml.steps.store import local_or_uri
from scanml.steps.store_output import StoreOutput
from scanml.steps.tracked import log_beginning, log_end, start_tracker
from scanml.structures.reports import GateVerdict, Metric
from scanml.tracking import Tracker, recording

YES = GateVerdict(True, ())


@dataclass(frozen=True)
class Job:
    """What a step's work is given: it reads `inputs` and writes into `folder`, which a killed run finds again.

    On an object store `folder` is a scratch folder, which may be lost with the machine; `keep` saves a file of it there
    at once, whole or not at all, from any thread. Where `folder` is on its own disk it has nothing to do.
    """

    experiment: Experiment
    inputs: Mapping[str, Path]
    folder: Path
    task: str | None
    tracker: Tracker
    tracking_uri: str | None
    keep: Callable[[Path], None] = lambda path: None


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
    """How a step is run: `tracking_uri` is the MLflow store for its run, `parent_run_id` the run that it belongs to."""

    task: str | None = None
    fresh: bool = False
    tracking_uri: str | None = None
    parent_run_id: str | None = None


def execute(
    step: Step, experiment: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options
) -> StepReport:
    """Run a step, resume it, or find it finished.

    Raises:
        ConfigError: inputs that the step does not know or lacks, or an output of other inputs or settings.
        ArtifactError: an input that is not there, an output that cannot be written, a store that cannot be reached.
    """
    sources = _check_inputs(step, inputs, output := local_or_uri(output))
    task = _choose_task(step, experiment, options.task)
    with reading(sources) as read:
        wanted = _describe(step, experiment, read.fingerprints(), task)
        out = open_output(output)
        if (found := _find(out, wanted, options)) is not None:
            out.tidy()
            return found
        with out.working():
            if (found := _find(out, wanted, options)) is not None:  # by another process, while we waited
                return found
            paths = read.fetch(wanted.inputs)
            wanted = _prepare(out, wanted, fresh=options.fresh)
            tracker = start_tracker(
                experiment,
                wanted,
                tracking_uri=options.tracking_uri,
                parent_run_id=options.parent_run_id,
                beside=out.beside,
            )
            with recording(tracker):
                log_beginning(tracker, wanted, sources)
                job = Job(experiment, paths, out.partial / "work", task, tracker, options.tracking_uri, out.keep)
                report = _work(step, job, wanted, read=read)
                out.publish()
            return report


def open_output(output: Path | str) -> Output:
    """The place of `--out`."""
    return LocalOutput(output) if isinstance(output, Path) else StoreOutput(output)


def _find(output: Output, wanted: StepReport, options: Options) -> StepReport | None:
    """The report of this very work, if it has been done."""
    found = None if options.fresh else output.finished()
    if found is not None:
        _refuse_other(wanted, found, output.place)
    return found


def _work(step: Step, job: Job, wanted: StepReport, *, read: Inputs) -> StepReport:
    started, cpu_before = time.monotonic(), _cpu_seconds()
    try:
        read.refuse_refused()
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


def _check_inputs(step: Step, inputs: Mapping[str, str | Path], output: Path | str) -> dict[str, Path | str]:
    known = (*step.inputs, *step.optional)
    sources = {name: local_or_uri(value) for name, value in inputs.items()}
    for name, source in sources.items():
        if name not in known:
            raise ConfigError(f"scanml {step.name} has no input {name!r}; it reads {', '.join(known)}.")
        refuse_inside(output, source, name)
    missing = [f"--in {name}=PATH" for name in step.inputs if name not in inputs]
    if missing:
        raise ConfigError(f"scanml {step.name} needs {' '.join(missing)} as well.")
    return sources


def _choose_task(step: Step, experiment: Experiment, task: str | None) -> str | None:
    if not step.takes_task:
        return None
    if task is None and len(experiment.tasks) == 1:
        return experiment.tasks[0]
    if task not in experiment.tasks:
        raise ConfigError(f"scanml {step.name} needs --task {' or '.join(experiment.tasks)}, received {task!r}.")
    return task


def _describe(step: Step, experiment: Experiment, inputs: Mapping[str, str], task: str | None) -> StepReport:
    used = to_json(step.settings(experiment, task))
    return StepReport(
        step=step.name,
        version=metadata.version("scanml"),
        task=task,
        inputs=inputs,
        settings={"experiment": experiment.name, "smoke": experiment.smoke, "used": used},
        fingerprint="",
        verdict=YES,
    )


def _refuse_other(wanted: StepReport, found: StepReport, place: str) -> None:
    if not found.same_work(wanted):
        raise ConfigError(
            f"{place}: holds the work of `scanml {found.step}` with other {wanted.difference(found)}; "
            "choose another --out, or --fresh to do it again."
        )


def _prepare(output: Output, wanted: StepReport, *, fresh: bool) -> StepReport:
    """What will be reported. The work folder is the one that a killed run left behind, or a new one."""
    plan, work = output.partial / "plan", output.partial / "work"
    if not is_finished(plan) and output.holds_other_things():
        raise ConfigError(f"{output.place}: holds something that is not a step's output; choose an empty or new --out.")
    if fresh:
        output.forget()
    work.mkdir(exist_ok=True)
    if is_finished(plan) and not fresh:
        begun = read_report(plan)
        if any(work.iterdir()):  # where nothing was done yet, a mistake in inputs or settings may be mended
            _refuse_other(wanted, begun, f"{output.place}.partial")
        wanted = replace(wanted, attempts=begun.attempts + 1 if begun.same_work(wanted) else 1)
    plan.mkdir(exist_ok=True)
    write_report(plan, wanted)
    output.keep(plan / REPORT)
    (work / REPORT).unlink(missing_ok=True)
    return wanted


def _cpu_seconds() -> float:
    return sum(os.times()[:4])  # user and system, of this process and of its children
