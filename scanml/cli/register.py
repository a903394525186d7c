"""`scanml register`: a bundle becomes a version, versions become champion, and a version tells where it comes from."""

from __future__ import annotations

import argparse
import json
import os

from scanml.cli.say import say
from scanml.cli.step import do_step, exit_code, read_experiment, wanted_tracking_uri
from scanml.errors import ConfigError
from scanml.steps.experiment import Experiment


def add_options(command: argparse.ArgumentParser) -> None:
    """What `register` can do beside what every step does."""
    alias = command.add_mutually_exclusive_group()
    alias.add_argument(
        "--promote", action="store_true", help="then make it champion; without --in: the present challenger"
    )
    alias.add_argument("--rollback", action="store_true", help="only make the previous champion champion again")
    alias.add_argument(
        "--lineage",
        metavar="VERSION",
        type=int,
        nargs="?",
        const=0,
        help="only show what a version (default: the champion, else the challenger) comes from",
    )


def run_register(parsed: argparse.Namespace) -> int:
    """Register a bundle, or what one of the options asks for alone."""
    from scanml.steps import register

    experiment, tracking_uri = read_experiment(parsed), _tracking_uri(parsed)
    if parsed.lineage is not None:
        from scanml.cli.lineage import show_lineage

        return show_lineage(experiment, tracking_uri, parsed.lineage or None, as_json=parsed.json)
    if parsed.rollback:
        return _show_champion(experiment, register.rollback(experiment, tracking_uri), as_json=parsed.json)
    if parsed.promote and not parsed.inputs:
        return _show_champion(experiment, register.promote(experiment, tracking_uri), as_json=parsed.json)
    if parsed.out is None:
        raise ConfigError(
            "scanml register needs --in bundle=PATH --out FOLDER, or --promote, --rollback or --lineage alone."
        )
    report = do_step(parsed, experiment, tracking_uri=tracking_uri)
    if parsed.promote and report.verdict.passed:
        version = register.promote(experiment, tracking_uri, version=report.facts["version"])
        say(f"{experiment.name}: version {version} is champion", to_stderr=parsed.json)
    return exit_code(passed=report.verdict.passed, refusal=parsed.refusal)


def _tracking_uri(parsed: argparse.Namespace) -> str:
    """The MLflow store, which other steps can do without."""
    tracking_uri = os.environ.get("MLFLOW_TRACKING_URI") if parsed.track is None else wanted_tracking_uri(parsed)
    if not tracking_uri:
        from scanml.steps.register import NO_STORE

        raise ConfigError(f"scanml register: {NO_STORE}")
    return tracking_uri


def _show_champion(experiment: Experiment, version: int, *, as_json: bool) -> int:
    values = {"model": experiment.name, "version": version, "alias": "champion"}
    print(json.dumps(values) if as_json else f"{experiment.name}: version {version} is champion")
    return 0
