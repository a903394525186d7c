"""What `validate` shows of a data set: the verdict, what was counted and found, a few pictures with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scanml.datasets.config import DataConfig
from scanml.evaluation.finding_pictures import finding_picture
from scanml.evaluation.gallery import draw_truth
from scanml.evaluation.page_parts import PICTURE_WIDTH, picture
from scanml.evaluation.plots import count_figure
from scanml.evaluation.report_page import Cell, Page
from scanml.metrics import ImageTruth
from scanml.structures import DataReport, ExampleSet, Finding, FindingGroup
from scanml.structures.findings import MAX_RECORDS

NUM_PICTURES = 8
_NUM_RECORDS, _NUM_EVIDENCE = 5, 4  # of one kind, in words and as pictures: more say nothing new
_MAX_EVIDENCE_BYTES = 2_500_000  # of all kinds, but for the first of each: 3.3 MB on the page

_Shown = list[tuple[bytes, str]]  # pictures and what stands below them


def data_page(
    report: DataReport, examples: Sequence[ExampleSet] = (), *, max_megapixels: int = DataConfig.max_megapixels
) -> Page:
    """The page of `report`; `examples` are the splits, if they could be loaded, for pictures and trigger counts.

    Pictures of findings that are larger than `max_megapixels` are not decoded.
    """
    page = Page("Data", "What was found in the labels and in the pictures.")
    num_errors = sum(finding.count for finding in report.errors)
    num_warnings = sum(finding.count for finding in report.findings) - num_errors
    verdict = "passed" if report.passed else f"refused: {_count(num_errors, 'error')}"
    page.badge(verdict, tone="good" if report.passed else "bad")
    if num_warnings:
        page.badge(_count(num_warnings, "warning"), tone="caution")
    page.numbers((name, f"{count:,}", "") for name, count in report.counts.items())
    if report.findings:
        _add_findings(page, report.groups, max_megapixels=max_megapixels)
    if report.class_counts:
        page.heading("Boxes by class")
        totals = {name: sum(by_split.values()) for name, by_split in report.class_counts.items()}
        page.figure(count_figure(totals), caption="In all splits together, regions of many aside.")
        splits = list(next(iter(report.class_counts.values())))
        most_first = sorted(totals, key=lambda name: -totals[name])
        page.table(["class", *splits], [[name, *(report.class_counts[name][s] for s in splits)] for name in most_first])
    if any(len(split) and split.labels.trigger_names for split in examples):
        page.heading("Triggers")
        page.table(["trigger", "present", "absent", "unknown"], _trigger_rows(examples))
    pictures = list(_pictures(examples))
    if pictures:
        page.heading("Pictures with their labels")
        page.gallery(pictures)
    return page


def _add_findings(page: Page, groups: Sequence[FindingGroup], *, max_megapixels: int) -> None:
    """All kinds in a table, then each with some of its records and what they look like."""
    page.heading("Findings")
    page.table(["severity", "what", "number"], [[group.severity, group.kind, group.count] for group in groups])
    evidence = [_evidence(group) for group in groups]
    for group, chosen, shown in zip(groups, evidence, _draw(evidence, max_megapixels), strict=True):
        page.heading(f"{group.kind[:1].upper()}{group.kind[1:]}")
        page.badge(_count(group.count, group.severity), tone="bad" if group.severity == "error" else "caution")
        rows = [[finding.where, finding.problem, finding.remedy] for finding in group.named[:_NUM_RECORDS]]
        page.table(["where", "problem", "way out"], rows)
        if group.count > len(rows):
            page.text(f"… and {group.count - len(rows):,} more; report.json names up to {MAX_RECORDS:,}.")
        if shown:
            page.gallery(shown)
        if len(shown) < len(chosen):
            page.text("The page has no room for further pictures of this kind.")


def _evidence(group: FindingGroup) -> list[Finding]:
    """The first findings that can be shown, no spot twice."""
    chosen = {finding.spots: finding for finding in reversed(group.named) if finding.spots}
    return list(reversed(chosen.values()))[:_NUM_EVIDENCE]


def _draw(evidence: Sequence[Sequence[Finding]], max_megapixels: int) -> list[_Shown]:
    """For every kind pictures of its findings: one of each in any case, then more as long as the page has room."""
    shown: list[_Shown] = [[] for _ in evidence]
    num_bytes = 0
    for number in range(_NUM_EVIDENCE):
        for findings, pictures in zip(evidence, shown, strict=True):
            if number < len(findings) and (number == 0 or num_bytes < _MAX_EVIDENCE_BYTES):
                drawn = finding_picture(findings[number], max_megapixels=max_megapixels)
                num_bytes += len(drawn)
                pictures.append((drawn, findings[number].where))
    return shown


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
