"""Commands and their options. Nothing here imports a framework: `--help` answers at once."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from scanml.cli.texts import COMMANDS, EPILOG, STEPS, WRAPPERS, Text
from scanml.steps.store import local_or_uri

Subparsers = Any  # argparse does not name the type of what add_subparsers returns


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a command line; only the command that `words` name gets its options."""
    parser = argparse.ArgumentParser(
        prog="scanml",
        description="Train, evaluate and ship the models behind a camera's Scan button.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"scanml {metadata.version('scanml')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = _add_command(commands, name, text)
        command.add_argument("--quiet", action="store_true", help="only warnings and errors on stderr")
        if name in words:
            _OPTIONS.get(name, _add_step_options)(command, name)
    return parser


def _add_command(commands: Subparsers, name: str, text: Text) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text.summary,
        description=text.description,
        epilog=f"example:\n{text.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


def _runner(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    def run(parsed: argparse.Namespace) -> int:
        code: int = getattr(importlib.import_module(f"scanml.cli.{module}"), function)(parsed)
        return code

    return run


def _add_step_options(command: argparse.ArgumentParser, name: str) -> None:
    text: Text = STEPS[name]
    _add_experiment_options(command)
    inputs = ", ".join([*text.inputs, *(f"[{name}]" for name in text.optional)])
    command.add_argument(
        "--in",
        dest="inputs",
        metavar="NAME=PATH",
        action="append",
        default=[],
        help=f"an input, once for each: {inputs}; NAME is a step's whole output (a folder or URI), `data` the raw data",
    )
    if text.takes_task:
        command.add_argument("--task", choices=("detector", "classifier"), help="which model (default: the only one)")
    if name == "export":
        command.add_argument(
            "--format", choices=("saved_model", "litert"), help="litert: with files for phones too (export.litert=true)"
        )
    if name == "train":
        command.add_argument("--self-test", action="store_true", help="learn eight pictures by heart, about a minute")
    command.add_argument(
        "--out",
        type=local_or_uri,
        required=name != "register",
        help="the folder or URI to write; finished ⇔ it has report.json",
    )
    _add_outcome_options(command)
    command.add_argument("--parent-run", help=argparse.SUPPRESS)
    command.set_defaults(run=_runner("step", "run_step"), command=name)


def _add_register_options(command: argparse.ArgumentParser, name: str) -> None:
    from scanml.cli.register import add_options

    add_options(command)
    _add_step_options(command, name)
    command.set_defaults(run=_runner("register", "run_register"))


def _add_experiment_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config",
        required=True,
        help="an experiment file (.py with config(), or resolved .json), or `detect` or `scan`",
    )
    command.add_argument(
        "--set",
        dest="overrides",
        metavar="FIELD=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="override fields of the experiment, such as train.steps=100 (also from the environment: SCANML_SET)",
    )
    command.add_argument("--smoke", action="store_true", help="16 images and 2 updates: try the machinery")


def _add_outcome_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--fresh", action="store_true", help="do finished or other work in --out again")
    command.add_argument(
        "--track",
        nargs="?",
        const="",
        metavar="URI",
        help="write it down in this MLflow store (default: MLFLOW_TRACKING_URI, else mlflow.db beside --out)",
    )
    command.add_argument("--json", action="store_true", help="one JSON line with the report on stdout")
    command.add_argument(
        "--refusal",
        choices=("exit", "report"),
        default="exit",
        help="a refusal ends with exit code 3, or with 0 and the verdict in report.json alone",
    )


def _add_run_options(command: argparse.ArgumentParser, name: str) -> None:
    _add_experiment_options(command)
    command.add_argument(
        "--in", dest="inputs", metavar="data=PATH", action="append", default=[], help="the raw data folder"
    )
    command.add_argument(
        "--out", type=local_or_uri, required=True, help="a folder for every step's output; the bundle is OUT/bundle"
    )
    _add_outcome_options(command)
    command.set_defaults(run=_runner("whole", "run_whole"))


def _add_demo_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument("--out", type=Path, default=Path("scanml-demo"), help="default: scanml-demo/")
    command.add_argument("--fresh", action="store_true", help="start over")
    command.add_argument("--smoke", action="store_true", help="try the machinery on 16 images and 2 updates")
    command.add_argument("--seed", type=int, default=0, help="of the drawn world (default: 0)")
    command.set_defaults(run=_runner("whole", "run_demo"))


def _add_photo_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument("photos", nargs="*", type=Path, help="JPEG or PNG files")
    command.add_argument("--bundle", type=Path, required=True, help="the folder that `scanml export` or `run` wrote")
    command.add_argument("--out", type=Path, help="a folder for the photos with what was seen drawn in")
    command.add_argument("--json", action="store_true", help="one JSON line a photo")
    if name == "predict":
        command.add_argument("--min-score", type=float, default=0.25, help="objects below are left out (default: 0.25)")
        command.add_argument("--images", type=Path, help="a COCO file whose images are read, instead of photos")
        command.add_argument("--root", type=Path, help="the folder of those images")
        command.add_argument("--results", type=Path, help="write COCO results (original ids, xywh) here")
    else:
        command.add_argument("--top", type=int, default=5, help="how many lenses (default: 5)")
    command.set_defaults(run=_runner("photos", f"run_{name}"))


def _add_wrap_options(command: argparse.ArgumentParser, name: str) -> None:
    from scanml.cli.wrap import add_options

    targets = command.add_subparsers(dest="target", metavar="TARGET", required=True)
    for target, text in WRAPPERS.items():
        below = _add_command(targets, target, text)
        _add_experiment_options(below)
        add_options(below, target)
    command.set_defaults(run=_runner("wrap", "run_wrap"))


def _add_convert_options(command: argparse.ArgumentParser, name: str) -> None:
    from scanml.cli.convert import add_options

    add_options(command)
    command.set_defaults(run=_runner("convert", "run_convert"))


def _add_doctor_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument(
        "--out", type=Path, default=Path(), help="where you mean to write: is there room? (default: here)"
    )
    command.add_argument("--json", action="store_true", help="one JSON line on stdout")
    command.set_defaults(run=_runner("doctor", "run_doctor"))


def _add_sync_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument("folder", nargs="?", type=Path, default=Path(), help="where runs wait (default: here)")
    command.add_argument("--track", metavar="URI", help="another MLflow store than the one they were meant for")
    command.set_defaults(run=_runner("sync", "run_sync"))


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser, str], None]] = {
    "run": _add_run_options,
    "demo": _add_demo_options,
    "register": _add_register_options,
    "convert": _add_convert_options,
    "predict": _add_photo_options,
    "recommend": _add_photo_options,
    "doctor": _add_doctor_options,
    "sync": _add_sync_options,
    "wrap": _add_wrap_options,
}
