"""`scanml wrap`: an experiment as the file of an orchestrator."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from scanml.cli.say import say
from scanml.cli.step import read_experiment
from scanml.config import to_json
from scanml.errors import ConfigError
from scanml.pipelines.plan import plan
from scanml.steps.experiment import Experiment
from scanml.steps.output import writing
from scanml.wrappers.config import CronJobConfig


def add_options(command: argparse.ArgumentParser, target: str) -> None:
    """The options of `scanml wrap TARGET`, beside those that choose the experiment."""
    command.add_argument("--image", required=True, help="the container image with scanml; the Dockerfile builds one")
    command.add_argument("--out", type=Path, required=True, help=f"the folder to write {target}.yaml into")
    if target == "kubeflow":
        command.add_argument("--track", metavar="URI", help="the MLflow store (default: each run must name one)")
        command.add_argument(
            "--champion", action="store_true", help="runs also name a bundle that the gate compares with"
        )
        return
    command.add_argument("--schedule", required=True, help="when, in UTC: cron's five fields, or @daily")
    command.add_argument(
        "--data", required=True, metavar="URI", help="the raw data: pvc://CLAIM/PATH or s3://BUCKET/PATH"
    )
    command.add_argument(
        "--output", required=True, metavar="URI", help="where each run writes a folder of its own: pvc://CLAIM/PATH"
    )
    command.add_argument(
        "--track", metavar="URI", help="the MLflow store that all runs share (default: a file in --output)"
    )


def run_wrap(parsed: argparse.Namespace) -> int:
    """Write the file of one orchestrator; a file that is there with other content stays."""
    text = WRAPPERS[parsed.target](read_experiment(parsed), parsed)
    path = parsed.out / f"{parsed.target}.yaml"
    with writing(parsed.out):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(path, text)
    say(path)
    return 0


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        if not path.is_file() or path.read_bytes() != text.encode():
            raise ConfigError(f"{path}: is there and differs; remove it or choose another --out.") from error


def _kubeflow(experiment: Experiment, parsed: argparse.Namespace) -> str:
    from scanml.wrappers.kubeflow import kubeflow_yaml

    pipeline = plan(experiment, champion_tasks=experiment.tasks if parsed.champion else ())
    settled = json.dumps(to_json(experiment))
    return kubeflow_yaml(
        pipeline, name=experiment.name, experiment=settled, image=parsed.image, tracking_uri=parsed.track
    )


def _cronjob(experiment: Experiment, parsed: argparse.Namespace) -> str:
    from scanml.wrappers.cronjob import cronjob_yaml

    config = CronJobConfig(
        image=parsed.image,
        schedule=parsed.schedule,
        data=parsed.data,
        output=parsed.output,
        tracking_uri=parsed.track,
    )
    return cronjob_yaml(config, name=experiment.name, experiment=json.dumps(to_json(experiment), indent=1) + "\n")


WRAPPERS: dict[str, Callable[[Experiment, argparse.Namespace], str]] = {"kubeflow": _kubeflow, "cronjob": _cronjob}
