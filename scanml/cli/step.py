"""One step on the command line."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shlex
from pathlib import Path

from scanml.cli.say import say
from scanml.config import to_json
from scanml.errors import ConfigError
from scanml.steps.contract import Options
from scanml.steps.experiment import Experiment, load_experiment, smoke_test
from scanml.steps.report import StepReport
from scanml.steps.store import local_or_uri
from scanml.tracking.stores import local_store

REFUSED = 3


def run_step(parsed: argparse.Namespace) -> int:
    """Run, resume or find finished the step that was named."""
    report = do_step(parsed, read_experiment(parsed), tracking_uri=wanted_tracking_uri(parsed))
    return exit_code(passed=report.verdict.passed, refusal=parsed.refusal)


def do_step(parsed: argparse.Namespace, experiment: Experiment, *, tracking_uri: str | None) -> StepReport:
    """The step that was named, done and shown."""
    step = importlib.import_module(f"scanml.steps.{parsed.command}")
    options = Options(
        task=getattr(parsed, "task", None),
        fresh=parsed.fresh,
        tracking_uri=tracking_uri,
        parent_run_id=parsed.parent_run,
    )
    run = step.self_test if getattr(parsed, "self_test", False) else step.run
    report: StepReport = run(experiment, read_inputs(parsed.inputs), parsed.out, options)
    show_report(report, parsed.out, as_json=parsed.json)
    return report


def exit_code(*, passed: bool, refusal: str) -> int:
    """3 for a refusal, unless the caller reads verdicts from the report."""
    return 0 if passed or refusal == "report" else REFUSED


def read_experiment(parsed: argparse.Namespace) -> Experiment:
    """The experiment of `--config`, with what the environment and `--set` override."""
    overrides = list(parsed.overrides)
    if getattr(parsed, "format", None):
        overrides.append(f"export.litert={json.dumps(parsed.format == 'litert')}")
    words = os.environ.get("SCANML_SET", "")
    try:
        experiment = load_experiment(parsed.config, [*shlex.split(words), *overrides])
    except ValueError as error:
        raise ConfigError(f"SCANML_SET={words}: expected words such as 'train.steps=100', received {error}.") from error
    except ConfigError as error:
        if words:
            load_experiment(parsed.config, overrides)  # raises where the environment is not to blame
            raise ConfigError(f"SCANML_SET={words} in the environment is read as --set: {error}") from error
        raise
    return smoke_test(experiment) if parsed.smoke else experiment


def read_inputs(words: list[str]) -> dict[str, Path | str]:
    """`name=path` or `name=URI` words as a mapping."""
    inputs: dict[str, Path | str] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not path:
            raise ConfigError(f"--in expects NAME=PATH, received {word!r}; for example --in data=photos/.")
        if name in inputs:
            raise ConfigError(f"--in {name} is given twice.")
        inputs[name] = local_or_uri(path)
    return inputs


def show_report(report: StepReport, out: Path | str, *, as_json: bool) -> None:
    """The report for a person, or as one JSON line for a program."""
    if as_json:
        print(json.dumps(to_json(report)))
        return
    title = " ".join(filter(None, (report.step, report.task)))
    say(f"{title}: {'done' if report.verdict.passed else 'refused'} in {report.seconds:.1f} s → {out}")
    for metric in list(report.metrics.values())[:12]:
        say(f"  {metric}")
    for reason in report.verdict.reasons[:20]:
        say(f"  {reason}")
    if len(report.verdict.reasons) > 20:
        say(f"  … and {len(report.verdict.reasons) - 20} more in {out}/report.json")


def wanted_tracking_uri(parsed: argparse.Namespace) -> str | None:
    """The MLflow store of `--track`; where that names none, the environment's, or a file beside --out."""
    if parsed.track is None:
        return None
    if tracking_uri := parsed.track or os.environ.get("MLFLOW_TRACKING_URI"):
        return str(tracking_uri)
    if isinstance(parsed.out, str):
        raise ConfigError(f"--track: there is no folder beside --out {parsed.out}; name an MLflow store, --track URI.")
    return local_store(parsed.out.absolute().parent) if parsed.out else None
