"""One step on the command line."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shlex
import sys
from pathlib import Path

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
    experiment = read_experiment(parsed)
    step = importlib.import_module(f"scanml.steps.{parsed.command}")
    if parsed.command == "register" and parsed.rollback:
        return _show_champion(experiment, step.rollback(experiment, _required_store(parsed)), as_json=parsed.json)
    if parsed.command == "register" and parsed.promote and not parsed.inputs:
        return _show_champion(experiment, step.promote(experiment, _required_store(parsed)), as_json=parsed.json)
    if parsed.command == "register" and parsed.lineage is not None:
        from scanml.cli.lineage import show_lineage

        return show_lineage(experiment, _required_store(parsed), parsed.lineage or None, as_json=parsed.json)
    if parsed.out is None:
        raise ConfigError(
            "scanml register needs --in bundle=PATH --out FOLDER, or --promote, --rollback or --lineage alone."
        )
    options = Options(
        task=getattr(parsed, "task", None),
        fresh=parsed.fresh,
        store=_store(parsed),
        parent_run_id=parsed.parent_run,
    )
    run = step.self_test if getattr(parsed, "self_test", False) else step.run
    report = run(experiment, read_inputs(parsed.inputs), parsed.out, options)
    show_report(report, parsed.out, as_json=parsed.json)
    if parsed.command == "register" and parsed.promote and report.verdict.passed:
        version = step.promote(experiment, _required_store(parsed), version=report.facts["version"])
        print(f"{experiment.name}: version {version} is champion", file=sys.stderr if parsed.json else sys.stdout)
    return exit_code(passed=report.verdict.passed, refusal=parsed.refusal)


def exit_code(*, passed: bool, refusal: str) -> int:
    """3 for a refusal, unless the caller reads verdicts from the report."""
    return 0 if passed or refusal == "report" else REFUSED


def read_experiment(parsed: argparse.Namespace) -> Experiment:
    """The experiment of `--config`, with what the environment and `--set` override."""
    words = os.environ.get("SCANML_SET", "")
    try:
        overrides = [*shlex.split(words), *parsed.overrides]
    except ValueError as error:
        raise ConfigError(f"SCANML_SET={words}: expected words such as 'train.steps=100', received {error}.") from error
    if getattr(parsed, "format", None):
        overrides.append(f"export.litert={json.dumps(parsed.format == 'litert')}")
    experiment = load_experiment(parsed.config, overrides)
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
    print(f"{title}: {'done' if report.verdict.passed else 'refused'} in {report.seconds:.1f} s → {out}")
    for metric in list(report.metrics.values())[:12]:
        print(f"  {metric}")
    for reason in report.verdict.reasons[:20]:
        print(f"  {reason}")
    if len(report.verdict.reasons) > 20:
        print(f"  … and {len(report.verdict.reasons) - 20} more in {out}/report.json")


def _show_champion(experiment: Experiment, version: int, *, as_json: bool) -> int:
    values = {"model": experiment.name, "version": version, "alias": "champion"}
    print(json.dumps(values) if as_json else f"{experiment.name}: version {version} is champion")
    return 0


def _store(parsed: argparse.Namespace) -> str | None:
    """The MLflow store that was asked for; `register` also takes the environment's."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if parsed.track is None:
        return named if parsed.command == "register" else None
    if parsed.track or named:
        return str(parsed.track or named)
    if isinstance(parsed.out, str):
        raise ConfigError(f"--track: there is no folder beside --out {parsed.out}; name an MLflow store, --track URI.")
    return local_store(parsed.out.absolute().parent) if parsed.out else None


def _required_store(parsed: argparse.Namespace) -> str:
    store = _store(parsed)
    if store is None:
        from scanml.steps.register import NO_STORE

        raise ConfigError(f"scanml register: {NO_STORE}")
    return store
