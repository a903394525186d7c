"""What a trigger classifier's page shows: calibration, the triggers, the images it is most wrong about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from scanml.evaluation.page_parts import add_metrics, interval, picture, worst_first
from scanml.evaluation.plots import interval_figure, reliability_figure
from scanml.evaluation.predictions import FoundTriggers
from scanml.evaluation.report_page import Cell, Page
from scanml.metrics import frequency_groups, reliability_curve
from scanml.structures import ExampleSet, Metric

NUM_PICTURES = 12  # of the most wrong images

_MEANINGS = {
    "mAP": "average precision, mean over the triggers that are somewhere present",
    "F1": "F1 at each trigger's threshold (fitted on validation, else 0.5), mean over the same triggers",
    "ECE": "mean distance between a probability and how often it came true; 0 is perfect",
}
_GROUPS = {
    "mAP/head": "mAP of the triggers that 100 training images or more show",
    "mAP/medium": "mAP of those that 20 to 99 training images show",
    "mAP/tail": "mAP of those that fewer than 20 training images show",
}


def add_triggers(
    page: Page, found: FoundTriggers, metrics: Mapping[str, Metric], *, examples: ExampleSet | None
) -> None:
    """Everything below the top of a classifier's page; pictures only where `examples` are given."""
    table = found.table
    page.heading("All numbers")
    add_metrics(page, metrics, _MEANINGS | {name: words for name, words in _GROUPS.items() if name in metrics})
    page.heading("Does a probability mean what it says?")
    curve = reliability_curve(table.scores[table.known], table.present[table.known])
    error = metrics["ECE"].value
    figure = reliability_figure(
        curve.probability, curve.frequency, counts=curve.mass, error=np.nan if error is None else error
    )
    caption = "All triggers together, in bins of equal numbers. Above the line the model is too modest, below too sure."
    page.figure(figure, caption=caption)
    page.heading("Triggers, worst first")
    headers = ["trigger", "AP", "95 % interval", "F1", "threshold", "present", "absent", "unknown"]
    headers += [] if found.table.train_positives is None else ["in training", "group"]
    page.table(headers, _trigger_rows(found, metrics))
    precisions = [metrics[f"AP/{name}"] for name in worst_first(table.names, metrics, "AP")]
    page.figure(interval_figure(precisions), caption="Average precision of each trigger with its 95 % interval.")
    if examples is not None:
        _add_pictures(page, found, examples)


def _trigger_rows(found: FoundTriggers, metrics: Mapping[str, Metric]) -> Iterable[list[Cell]]:
    table = found.table
    present, known = (table.present & table.known).sum(axis=0), table.known.sum(axis=0)
    column = {name: index for index, name in enumerate(table.names)}
    for name in worst_first(table.names, metrics, "AP"):
        i, average = column[name], metrics[f"AP/{name}"]
        counts = [int(present[i]), int(known[i] - present[i]), int(len(table) - known[i])]
        row = [name, average.value, interval(average), metrics[f"F1/{name}"].value, float(found.thresholds[i]), *counts]
        if table.train_positives is not None:
            group = next(group for group, members in frequency_groups(table.train_positives).items() if members[i])
            row += [int(table.train_positives[i]), group]
        yield row


def _add_pictures(page: Page, found: FoundTriggers, examples: ExampleSet) -> None:
    """Images with a trigger on the wrong side of its threshold, the largest error first."""
    table = found.table
    page.heading("Most wrong images")
    wrong = table.known & ((table.scores >= found.thresholds) != table.present)
    errors = np.where(wrong, np.abs(table.scores - table.present), 0.0).max(axis=1, initial=0.0)
    chosen = [int(i) for i in np.argsort(-errors, kind="stable")[:NUM_PICTURES] if wrong[i].any()]
    if not chosen:
        page.text("On no image is a trigger on the wrong side of its threshold.")
        return
    page.text("Images with a trigger on the wrong side of its threshold, and what the model said of it.")
    page.gallery([_show(found, examples, index=index, wrong=wrong[index].nonzero()[0].tolist()) for index in chosen])


def _show(found: FoundTriggers, examples: ExampleSet, *, index: int, wrong: list[int]) -> tuple[bytes, str]:
    """The picture, and what was said of it against what is true."""
    table, frame = found.table, examples.scene(index).frame
    scores, present = table.scores[index], table.present[index]
    worst = sorted(wrong, key=lambda i: -abs(scores[i] - present[i]))
    words = [f"{table.names[i]} {100 * scores[i]:.0f} %, but {'present' if present[i] else 'absent'}" for i in worst]
    return picture(frame.pixels), f"{'; '.join(words)} · {frame.frame_id}"
