"""What is promised, and what the recorded rows say of it: a few figures for each benchmark, with their targets."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]  # a line that `_record.record` has written


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured number, how it is written (`form`), what belongs to it (interval, n), and its target if it has one."""

    name: str
    value: float
    form: str = "{:.2f}"
    note: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def measured(self) -> str:
        """The value as it is written."""
        return self.form.format(self.value)

    @property
    def target(self) -> str:
        """The target as it is written, empty without one."""
        signs = (("≥", self.at_least), ("≤", self.at_most))
        return " ".join(f"{sign} {self.form.format(bound)}" for sign, bound in signs if bound is not None)

    @property
    def reached(self) -> bool:
        """Whether the value keeps to its target."""
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)


@dataclass(frozen=True)
class Promise:
    """A sentence for the README, and the figures that the rows of one benchmark, oldest first, give."""

    text: str
    figures: Callable[[Sequence[Row]], list[Figure]]


def read_rows(folder: Path, name: str, *, hardware: str = "") -> list[Row]:
    """All that benchmark `name` has recorded in `folder` on `hardware` ("2core-x86_64"; all of it), oldest first."""
    lines: Iterable[str] = (
        line for path in folder.glob(f"{name}-{hardware}*.jsonl") for line in path.read_text().splitlines()
    )
    return sorted(map(json.loads, lines), key=lambda row: str(row["at"]))


def figures(name: str, rows: Sequence[Row]) -> list[Figure]:
    """The figures of a benchmark that has rows; without a promise, the numbers that its last row has on top."""
    if name in PROMISES:
        return PROMISES[name].figures(rows)
    numbers = {key: value for key, value in rows[-1]["values"].items() if isinstance(value, int | float)}
    return [Figure(name=key, value=value, form="{:.4g}") for key, value in numbers.items()]


def _cells(rows: Sequence[Row]) -> list[Figure]:
    values, most = rows[-1]["values"], rows[-1]["settings"]["limit_core_seconds"]
    ap50, low, high = values["metrics"]["AP50"]
    note = f"[{low:.3f}, {high:.3f}] on {values['test_images']} photos kept apart"
    return [
        Figure(name="blood cells: AP@.5", value=ap50, form="{:.3f}", note=note),
        Figure(name="trained in", value=values["core_seconds"], form="{:.0f} core-seconds", at_most=most),
        Figure(name="with", value=values["parameters"] / 1e6, form="{:.2f} M parameters"),
    ]


def _detect_from_scratch(rows: Sequence[Row]) -> list[Figure]:
    """Means over the seeds of the rows with the newest settings of each model, and the better peer beside them."""
    kept: dict[str, dict[int, Row]] = {}
    newest = {row["settings"]["model"]: _apart_from_seed(row) for row in rows}
    for row in rows:
        if _apart_from_seed(row) == newest[row["settings"]["model"]]:
            kept.setdefault(row["settings"]["model"], {})[row["settings"]["seed"]] = row["values"]["metrics"]
    found = []
    for name, title, least in (("AP", "AP", 0.63), ("AP50", "AP@.5", 0.905)):
        means = {model: statistics.fmean(m[name] for m in seeds.values()) for model, seeds in kept.items()}
        ours = means.pop("ours", None)
        if ours is None:
            return []
        peers = ", ".join(f"{model} {value:.3f}" for model, value in means.items())
        note = f"mean of {len(kept['ours'])} seeds" + (f"; {peers}" if peers else "")
        found.append(Figure(name=title, value=ours, form="{:.3f}", note=note, at_least=least))
        if name == "AP" and means:
            ahead = ours - max(means.values())
            found.append(Figure(name="AP above the better peer", value=ahead, form="{:+.3f}", at_least=0.01))
    return found


def _apart_from_seed(row: Row) -> dict[str, object]:
    return {key: value for key, value in row["settings"].items() if key != "seed"}


def _demo(rows: Sequence[Row]) -> list[Figure]:
    values, minutes = rows[-1]["values"], [row["values"]["seconds"] / 60 for row in rows]
    spread = f"({min(minutes):.1f} to {max(minutes):.1f} in {len(minutes)} runs)" if len(minutes) > 1 else ""
    found = [
        Figure(name="everything", value=minutes[-1], form="{:.1f} minutes", note=spread),
        Figure(name="done again in", value=values["seconds_again"], form="{:.0f} s"),
    ]
    for key, name in (("detector AP50", "detector AP@.5"), ("classifier mAP", "trigger mAP")):
        value, low, high, count = values["metrics"][key]
        note = f"[{low:.3f}, {high:.3f}] on {count} test photos"
        found.append(Figure(name=name, value=value, form="{:.3f}", note=note))
    form = f"{{:.0f}} of {len(values['frames'])} frames"
    return [*found, Figure(name="the right lens first on", value=values["frames_right"], form=form)]


def _parity(rows: Sequence[Row]) -> list[Figure]:
    values = rows[-1]["values"]
    note = f"on {len(values['forms'])} encodings, from turned and gray to CMYK and alpha"
    return [
        Figure(name="boxes differ by at most", value=values["worst"]["box_px"], form="{:.4f} px", note=note),
        Figure(name="scores by at most", value=values["worst"]["score"], form="{:.0e}"),
    ]


def _startup(rows: Sequence[Row]) -> list[Figure]:
    values = rows[-1]["values"]
    python = f"(medians of {values['python']['n']}, the interpreter's {values['python']['median_s']:.2f} s included)"
    return [
        Figure(name="`import scanml`", value=values["import scanml"]["median_s"], form="{:.2f} s"),
        Figure(name="`scanml --help`", value=values["scanml --help"]["median_s"], form="{:.2f} s", note=python),
    ]


def _validate(rows: Sequence[Row]) -> list[Figure]:
    full = [row for row in rows if row["settings"]["images"] == 10_000][-1:]  # smaller ones are tries
    return [Figure(name="10,000 photos", value=r["values"]["seconds"], form="{:.0f} s", at_most=60) for r in full]


def _kill(rows: Sequence[Row]) -> list[Figure]:
    """Of the step that came off worst in the last full measurement."""
    full = [row for row in rows if row["settings"]["rounds"] >= 20]
    if not full:
        return []
    steps, rounds = full[-1]["values"], full[-1]["settings"]["rounds"]
    resumed, half = min(step["resumed"] for step in steps.values()), sum(s["half_written"] for s in steps.values())
    note = f"of each of {len(steps)} steps"
    return [
        Figure(name="resumed", value=resumed, form=f"{{:.0f}} of {rounds}", note=note, at_least=rounds),
        Figure(name="half-written", value=half, form="{:.0f}", at_most=0),
    ]


def _input_pipeline(rows: Sequence[Row]) -> list[Figure]:
    """Of the job that a default training has, zoom and colors; beside it the spread over all jobs."""
    jobs = {name: job["ratios of images per second"] for name, job in rows[-1]["values"].items()}
    found = []
    for key, name, least in (
        ("first epoch / tf.data", "first epoch against tf.data", 2.5),
        ("first epoch / albumentations", "against albumentations", 2),
        ("second epoch / tf.data", "second epoch, cached, against tf.data", 6),
    ):
        ratios = [job[key] for job in jobs.values()]
        note = f"({min(ratios):.1f} to {max(ratios):.1f} over {len(ratios)} jobs)"
        found.append(Figure(name=name, value=jobs["zoom colors"][key], form="{:.1f} ×", note=note, at_least=least))
    return found


def _step_overhead(rows: Sequence[Row]) -> list[Figure]:
    values = rows[-1]["values"]
    found = []
    for backend, case, name, least in (
        ("tensorflow", "empty", "TensorFlow, an almost empty model", 8),
        ("jax", "empty", "JAX, an almost empty model", 10),
        ("tensorflow", "resnet", "TensorFlow, many small operations", 3.5),
    ):
        ways = {way: row for way, row in values[backend][case].items() if way != "fit"}
        best = max(ways, key=lambda way: ways[way]["times_less"])
        note = f"({best}, median of {ways[best]['n']})"
        found.append(Figure(name=name, value=ways[best]["times_less"], form="{:.1f} ×", note=note, at_least=least))
    return found


def _checkpoint(rows: Sequence[Row]) -> list[Figure]:
    """Of the smaller pictures, whose updates are faster; what is written beside takes processor time as well."""
    worst = max(rows[-1]["values"].values(), key=lambda size: size["with_beside_percent"])
    note = f"of the time of 100 updates ({worst['update_ms']:.0f} ms each); {worst['with_beside_percent']:.2f} % of it"
    form, note = "{:.2f} %", f"{note} with what is written beside, median of {worst['n']}"
    return [Figure(name="the loop waits", value=worst["stopped_percent"], form=form, note=note, at_most=1)]


PROMISES: Mapping[str, Promise] = {
    "detect_from_scratch": Promise(
        "With 1,200 core-seconds and no pretrained weights, ahead of YOLO11n and RetinaNet", _detect_from_scratch
    ),
    "cells": Promise("A small detector learns from scratch on real photos in 10 core-minutes", _cells),
    "demo": Promise("The demo is the whole job in minutes", _demo),
    "input_pipeline": Promise("Photos become augmented batches faster than the usual ways", _input_pipeline),
    "step_overhead": Promise("An update costs less beside the arithmetic than one of Keras `fit`", _step_overhead),
    "validate": Promise("Every label and pixel is looked at before training", _validate),
    "checkpoint": Promise("A checkpoint every 100 updates costs next to nothing", _checkpoint),
    "kill": Promise("Killed with −9 at random moments, every step resumes", _kill),
    "parity": Promise("The SavedModel says what the model in memory says", _parity),
    "startup": Promise("Looking costs nothing", _startup),
}
