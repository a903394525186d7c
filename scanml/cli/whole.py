"""`run` and `demo`: the whole job on the command line."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from scanml.cli.say import say
from scanml.cli.step import exit_code, read_experiment, read_inputs
from scanml.config import to_json
from scanml.errors import ConfigError
from scanml.pipelines.run import Finished
from scanml.tracking.stores import without_password

_SHOWN = 5  # test photos on the page


def run_whole(parsed: argparse.Namespace) -> int:
    """Every step on a data folder."""
    from scanml.datasets import open_split
    from scanml.pipelines import run
    from scanml.pipelines.summary import Photo, write_summary

    inputs = read_inputs(parsed.inputs)
    if set(inputs) != {"data"}:
        raise ConfigError(f"scanml run reads --in data=PATH, received {', '.join(inputs) or 'nothing'}.")
    experiment = read_experiment(parsed)
    tracking_uri = parsed.track or os.environ.get("MLFLOW_TRACKING_URI")
    finished = run(experiment, inputs["data"], parsed.out, tracking_uri=tracking_uri, fresh=parsed.fresh)
    if not finished.was_done or not (parsed.out / "report.html").exists():
        photos = []
        if (parsed.out / "extract" / "lenses.json").exists():
            test = open_split(parsed.out / "extract" / "shards" / "test")
            photos = [Photo(test.records[i].file_name, test.read(i)) for i in range(min(_SHOWN, len(test)))]
        write_summary(finished, photos=photos, title=experiment.name)
    if parsed.json:
        print(json.dumps({name: to_json(report) for name, report in finished.reports.items()}))
    else:
        _show(finished, parsed.out)
    return exit_code(passed=finished.refused is None, refusal=parsed.refusal)


def run_demo(parsed: argparse.Namespace) -> int:
    """The whole job on the drawn world."""
    if parsed.seed < 0:
        raise ConfigError(f"--seed must not be negative, received {parsed.seed}.")
    from scanml.pipelines import demo

    finished = demo(parsed.out, seed=parsed.seed, smoke=parsed.smoke, fresh=parsed.fresh)
    _show(finished, parsed.out, photo=parsed.out / "world" / "frames")
    return exit_code(passed=finished.refused is None, refusal="exit")


def _show(finished: Finished, out: Path, photo: Path | None = None) -> None:
    from scanml.pipelines.summary import headline_metrics

    say(f"\n{'model':<12}{'metric':<8}{'value':>7}  {'95 % interval':<16}{'n':>6}")
    for task, metric in headline_metrics(finished):
        value, low, high = ("–" if v is None else f"{v:.3f}" for v in (metric.value, metric.low, metric.high))
        say(f"{task:<12}{metric.name:<8}{value:>7}  {f'{low} … {high}':<16}{metric.num_units:>6}")
    for name, report in finished.reports.items():
        if report.step == "gate" or not report.verdict.passed:
            for reason in report.verdict.reasons[:10]:
                say(f"{name}: {reason}")
    tracking_uri = without_password(finished.state.tracking_uri)
    say(f"\nreport      {out / 'report.html'}\nMLflow      {tracking_uri}")
    if finished.refused:
        say(f"refused by  {finished.refused}: see {out / finished.refused / 'report.json'}", to_stderr=True)
        return
    example = next(iter(sorted(photo.glob("*.jpg"))), Path("photo.jpg")) if photo else Path("photo.jpg")
    say(f"SavedModel  {out / 'bundle' / 'scene' / '1'}\n\nnext:")
    say(f"  scanml recommend {example} --bundle {out / 'bundle'}")
    say(f"  scanml predict {example} --bundle {out / 'bundle'} --out drawn/")
    say(f"  mlflow ui --backend-store-uri {tracking_uri}" if photo else f"  open {out / 'report.html'}")
