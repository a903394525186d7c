"""What `validate` shows of a data set: the verdict, what was counted and found, a few pictures with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scanml.evaluation.gallery import draw_truth
from scanml.evaluation.page_parts import PICTURE_WIDTH, picture
from scanml.evaluation.plots import count_figure
from scanml.evaluation.report_page import Cell, Page
from scanml.metrics import ImageTruth
from scanml.structures import DataReport, ExampleSet

MAX_FINDINGS = 300  # rows that somebody may still read
NUM_PICTURES = 8

_CLASS = "boxes of "  # how `DataReport.counts` begins the count of a class


def data_page(report: DataReport, examples: Sequence[ExampleSet] = ()) -> Page:
    """The page of `report`; `examples` are the splits, if they could be loaded, for pictures and trigger counts."""
    page = Page("Data", "What was found in the labels and in the pictures.")
    num_errors, num_warnings = len(report.errors), len(report.findings) - len(report.errors)
    verdict = "passed" if report.passed else f"refused: {_count(num_errors, 'error')}"
    page.badge(verdict, tone="good" if report.passed else "bad")
    if num_warnings:
        page.badge(_count(num_warnings, "warning"), tone="caution")
    totals = {name: count for name, count in report.counts.items() if not name.startswith(_CLASS)}
    page.numbers((name, f"{count:,}", "") for name, count in totals.items())
    if report.findings:
        page.heading("Findings")
        _add_findings(page, report)
    classes = {name.removeprefix(_CLASS): count for name, count in report.counts.items() if name.startswith(_CLASS)}
    if classes:
        page.heading("Boxes by class")
        page.figure(count_figure(classes), caption="In all splits together.")
    if any(split.labels.trigger_names for split in examples):
        page.heading("Triggers")
        page.table(["trigger", "present", "absent", "unknown"], _trigger_rows(examples))
    pictures = list(_pictures(examples))
    if pictures:
        page.heading("Pictures with their labels")
        page.gallery(pictures)
    return page


def _add_findings(page: Page, report: DataReport) -> None:
    ordered = sorted(report.findings, key=lambda finding: finding.severity != "error")
    rows = [[f.severity, f.where, f.problem, f.remedy] for f in ordered[:MAX_FINDINGS]]
    page.table(["severity", "where", "problem", "way out"], rows)
    if len(ordered) > MAX_FINDINGS:
        page.text(f"… and {len(ordered) - MAX_FINDINGS:,} more; report.json lists all of them.")


def _trigger_rows(examples: Sequence[ExampleSet]) -> list[list[Cell]]:
    """Of every trigger, in how many images it is present, absent, or was not looked for."""
    names = examples[0].labels.trigger_names
    arrays = [split.trigger_arrays(index) for split in examples for index in range(len(split))]
    present, known = (np.reshape(rows, (len(arrays), len(names))) for rows in zip(*arrays, strict=True))
    seen, looked = (present & known).sum(axis=0).tolist(), known.sum(axis=0).tolist()
    return [[name, seen[i], looked[i] - seen[i], len(arrays) - looked[i]] for i, name in enumerate(names)]


def _pictures(examples: Sequence[ExampleSet]) -> Iterator[tuple[bytes, str]]:
    """Up to eight, evenly from all splits."""
    places = [(split, index) for split in examples for index in range(len(split))]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(NUM_PICTURES, len(places))).round().astype(int))
    for split, index in (places[place] for place in chosen):
        example = split.detection(index)
        truth = ImageTruth(example.boxes, example.labels, example.crowd)
        drawn = draw_truth(example.frame.pixels, truth, split.labels.class_names, min_width=PICTURE_WIDTH)
        present, known = split.trigger_arrays(index)
        names = [split.labels.trigger_names[i] for i in np.flatnonzero(present & known)]
        yield picture(drawn), " · ".join(filter(None, [", ".join(names), example.frame.frame_id, split.name]))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
