"""What a detector's page shows: numbers, curves, confusion, classes, the images that it reads worst and best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from scanml.evaluation.gallery import LEGEND, draw_truth_and_prediction
from scanml.evaluation.page_parts import PICTURE_WIDTH, add_metrics, interval, picture, worst_first
from scanml.evaluation.plots import confusion_figure, precision_recall_figure
from scanml.evaluation.predictions import FoundObjects
from scanml.evaluation.report_page import Cell, Page
from scanml.metrics import confusion, image_f1, pair_up
from scanml.metrics.detection.pairs import IOU, SCORE, SPURIOUS
from scanml.structures import ExampleSet, Metric

NUM_PICTURES = 6  # worst images, and best images

_MEANINGS = {
    "AP": "average precision, mean over classes and IoU .50, .55 … .95",
    "AP50": "average precision at IoU .50",
    "AP75": "average precision at IoU .75",
    "APsmall": "AP of objects below 32² pixels",
    "APmedium": "AP of objects of 32² to 96² pixels",
    "APlarge": "AP of objects above 96² pixels",
    "AR1": "recall of one detection per image and class, mean over IoU .50 … .95",
    "AR10": "recall of ten detections per image and class",
    "AR100": "recall of a hundred detections per image and class",
    "ARsmall": "recall of objects below 32² pixels",
    "ARmedium": "recall of objects of 32² to 96² pixels",
    "ARlarge": "recall of objects above 96² pixels",
    "IoU": f"mean overlap of detections (score ≥ {SCORE}) with the objects they found",
}


def add_objects(page: Page, found: FoundObjects, metrics: Mapping[str, Metric], *, examples: ExampleSet | None) -> None:
    """Everything below the top of a detector's page; pictures only where `examples` are given."""
    names = found.class_names
    page.heading("All numbers")
    add_metrics(page, metrics, _MEANINGS)
    page.heading("Precision and recall")
    curves, recall = found.matches.precision_recall(IOU)
    caption = "Precision at each recall for IoU .50, interpolated as COCO does; beside each class its AP50."
    page.figure(precision_recall_figure(curves, recall, names), caption=caption)
    page.heading("What was taken for what")
    table = confusion(found.truths, found.detections, num_classes=len(names))
    caption = (
        f"Detections with a score of at least {SCORE} meet the object they overlap by an IoU of at least {IOU}, "
        "whatever its class. Last column: objects that were missed. Last row: detections where nothing is."
    )
    page.figure(confusion_figure(table, names), caption=caption)
    page.heading("Classes, worst first")
    page.table(["class", "AP", "95 % interval", "AP50", "objects", "images"], _class_rows(found, metrics))
    if examples is not None and len(examples):
        _add_pictures(page, found, examples)


def _class_rows(found: FoundObjects, metrics: Mapping[str, Metric]) -> Iterable[list[Cell]]:
    objects, images = Counter[int](), Counter[int]()
    for truth in found.truths:
        labels = truth.labels[~truth.crowd].tolist()
        objects.update(labels)
        images.update(set(labels))
    label = {name: index for index, name in enumerate(found.class_names)}
    for name in worst_first(found.class_names, metrics, "AP"):
        average, at_half, index = metrics[f"AP/{name}"], metrics[f"AP50/{name}"], label[name]
        yield [name, average.value, interval(average), at_half.value, objects[index], images[index]]


def _add_pictures(page: Page, found: FoundObjects, examples: ExampleSet) -> None:
    """Ranked by F1; of equal ones, images with more objects come first."""
    scores = image_f1(found.truths, found.detections)
    sizes = np.array([np.count_nonzero(~truth.crowd) for truth in found.truths])
    worst = np.lexsort((-sizes, scores))[:NUM_PICTURES]
    others = np.setdiff1d(np.arange(len(scores)), worst)
    best = others[np.lexsort((-sizes[others], -scores[others]))][:NUM_PICTURES]
    page.heading("Worst images")
    page.text(f"{LEGEND} Detections with a score of at least {SCORE}.")
    page.gallery([_show(found, examples, index=int(i), f1=scores[i]) for i in worst])
    if len(best):
        page.heading("Best images")
        page.gallery([_show(found, examples, index=int(i), f1=scores[i]) for i in best])


def _show(found: FoundObjects, examples: ExampleSet, *, index: int, f1: float) -> tuple[bytes, str]:
    """The picture, and what is to be said of it."""
    truth, seen = found.truths[index], found.detections[index].above(SCORE)
    frame = examples.detection(index).frame
    partner = pair_up(truth, seen).partner
    missed = np.setdiff1d(np.flatnonzero(~truth.crowd), partner)
    counts = Counter(found.class_names[label] for label in truth.labels[missed])
    words = [f"F1 {f1:.2f}", f"{np.count_nonzero(partner >= 0)} found"]
    if counts:
        words.append("missed " + ", ".join(f"{count} {name}" for name, count in counts.most_common(4)))
    if (partner == SPURIOUS).any():
        words.append(f"{np.count_nonzero(partner == SPURIOUS)} wrong")
    drawn = draw_truth_and_prediction(frame.pixels, truth, seen, min_width=PICTURE_WIDTH)
    return picture(drawn), f"{', '.join(words)} · {frame.frame_id}"
