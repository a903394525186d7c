"""How good is a model on a test set? Its predictions are collected, measured, and shown on a page."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

import numpy as np

from scanml.errors import DataError, ModelError
from scanml.evaluation.classifier_page import add_triggers
from scanml.evaluation.detector_page import add_objects
from scanml.evaluation.page_parts import begin_page
from scanml.evaluation.predict import as_reader, read_examples
from scanml.evaluation.predictions import Found, FoundObjects, FoundTriggers, ImageRecord, Predictions
from scanml.metrics import ImageTruth, TriggerTable, detection_metrics, mean_matched_iou, multilabel_metrics
from scanml.structures import Boxes, Detections, EvalReport, ExampleSet, LabelSpace, Metric, SceneReader
from scanml.structures.arrays import Doubles, Ints
from scanml.structures.batches import Task

LEAST_SCORE = 0.001  # Ultralytics' validation begins there too: weaker detections mostly fill the file
DEFAULT_THRESHOLD = 0.5  # more likely there than not

_log = logging.getLogger(__name__)


def evaluate(
    model: object,
    examples: ExampleSet,
    *,
    task: Task | None = None,
    trained_on: Collection[str] | None = None,
    num_resamples: int = 1000,
    seed: int = 0,
) -> EvalReport:
    """Metrics with intervals, and a page, of a model or a bundle on `examples`.

    A detector's metrics are COCO's twelve ("AP" … "ARlarge"), "AP/<class>", "AP50/<class>" and "IoU", a classifier's
    "mAP", "F1", "ECE", "AP/<trigger>" and "F1/<trigger>", and where it knows in how many training pictures each trigger
    was, "mAP/head", "mAP/medium" and "mAP/tail". `task` is needed where a model does both. `trained_on` are
    the pixel hashes of the training images, where they are known: those that are in `examples` too count as leaked.

    Raises:
        ModelError: no model, or one that does not do `task`, or does both and none was named.
    """
    predictions = collect(model, examples, task=task, trained_on=trained_on)
    return judge(predictions, examples=examples, num_resamples=num_resamples, seed=seed)


def collect(
    model: object, examples: ExampleSet, *, task: Task | None = None, trained_on: Collection[str] | None = None
) -> Predictions:
    """What `model` says of every example, beside what is true.

    Classes and triggers meet by name: those that `examples` do not have are dropped, those that the model does not
    know have no detections, or score 0.

    Raises:
        ModelError: as `evaluate`.
    """
    reader = as_reader(model)
    gather = _collect_objects if (task or _only_task(reader.labels)) == "detector" else _collect_triggers
    sizes, found = gather(reader, examples)
    num_leaked = None
    if trained_on is not None:
        num_leaked = len(frozenset(trained_on).intersection(examples.image_hashes))
    keys = zip(examples.image_ids, examples.image_hashes, sizes, strict=True)
    images = tuple(ImageRecord(name, number, pixel_hash, size) for number, pixel_hash, (name, size) in keys)
    return Predictions(images, found, num_leaked)


def judge(
    predictions: Predictions, *, examples: ExampleSet | None = None, num_resamples: int = 1000, seed: int = 0
) -> EvalReport:
    """Metrics and page of `predictions`; with their `examples` the page shows pictures.

    Raises:
        DataError: `examples` are not the images that were predicted.
    """
    if examples is not None and list(examples.image_hashes) != list(predictions.test_hashes):
        raise DataError("judge: the examples are not the images of these predictions; give the same test set.")
    metrics = measure(predictions, num_resamples=num_resamples, seed=seed)
    note = (
        f"Measured on n = {len(predictions)} images. Brackets and bars are 95 % intervals from {num_resamples:,} "
        f"redraws of these images (bootstrap, seed {seed}): they say how far the numbers depend on which images "
        "happened to be in the test set."
    )
    page = begin_page(predictions, metrics, note=note)
    if isinstance(predictions.found, FoundObjects):
        add_objects(page, predictions.found, metrics, examples=examples)
    else:
        add_triggers(page, predictions.found, metrics, examples=examples)
    return EvalReport(
        task=predictions.task,
        metrics=metrics,
        num_images=len(predictions),
        test_fingerprint=predictions.test_fingerprint,
        num_leaked=predictions.num_leaked,
        page=page.render(),
    )


def measure(predictions: Predictions, *, num_resamples: int = 1000, seed: int = 0) -> dict[str, Metric]:
    """Every metric of `predictions`, by name, each with its 95 % interval over images."""
    found = predictions.found
    if isinstance(found, FoundTriggers):
        return multilabel_metrics(found.table, thresholds=found.thresholds, num_resamples=num_resamples, seed=seed)
    metrics = detection_metrics(found.matches, found.class_names, num_resamples=num_resamples, seed=seed)
    overlap = mean_matched_iou(found.truths, found.detections, num_resamples=num_resamples, seed=seed)
    return metrics | {overlap.name: overlap}


def _only_task(labels: LabelSpace) -> Task:
    if bool(labels.class_names) == bool(labels.trigger_names):
        received = "one that does both" if labels.class_names else "one without classes and triggers"
        raise ModelError(f"expected a detector or a classifier, received {received}; name the task.")
    return "detector" if labels.class_names else "classifier"


_Sizes = list[tuple[str, tuple[int, int]]]  # file name, (height, width)


def _collect_objects(reader: SceneReader, examples: ExampleSet) -> tuple[_Sizes, Found]:
    labels = examples.labels
    _compare_names("class", reader.labels.class_names, labels.class_names)
    sizes, truths, detections = [], [], []
    for example, reading in read_examples(reader, examples.detection, count=len(examples)):
        sizes.append((example.frame.frame_id, example.frame.size))
        truths.append(ImageTruth(example.boxes, example.labels, example.crowd, example.areas))
        detections.append(_renamed(reading.detections, labels.class_names))
    return sizes, FoundObjects(labels.class_names, labels.category_ids, tuple(truths), tuple(detections))


def _collect_triggers(reader: SceneReader, examples: ExampleSet) -> tuple[_Sizes, Found]:
    names = examples.labels.trigger_names
    _compare_names("trigger", reader.labels.trigger_names, names)
    sizes, scores, present, known = [], [], [], []
    for example, reading in read_examples(reader, examples.scene, count=len(examples)):
        said = reading.triggers.by_name()
        sizes.append((example.frame.frame_id, example.frame.size))
        scores.append([said.get(name, 0.0) for name in names])
        present.append(example.present)
        known.append(example.known)
    said_of, there, looked = (np.reshape(rows, (len(examples), len(names))) for rows in (scores, present, known))
    table = TriggerTable(names, said_of, there, looked, train_positives=_train_positives(reader, names))
    return sizes, FoundTriggers(table, _thresholds(reader, names))


def _renamed(found: Detections, names: Sequence[str]) -> Detections:
    index = {name: label for label, name in enumerate(names)}
    own = np.array([index.get(name, -1) for name in found.names], np.int32)
    labels = own[found.labels]
    keep = (labels >= 0) & (found.scores >= LEAST_SCORE)
    boxes = Boxes(found.boxes.xyxy[keep], found.boxes.image_size)
    return Detections(boxes, found.scores[keep], labels[keep], tuple(names))


def _thresholds(reader: SceneReader, names: Sequence[str]) -> Doubles:
    """Those that the reader was given on validation data, if it carries any."""
    own = getattr(reader, "thresholds", {})
    return np.array([own.get(name, DEFAULT_THRESHOLD) for name in names], dtype=np.float64)


def _train_positives(reader: SceneReader, names: Sequence[str]) -> Ints | None:
    """In how many training pictures each trigger was; None where the reader does not know."""
    counts = getattr(reader, "train_positives", {})
    return np.array([counts.get(name, 0) for name in names], dtype=np.int32) if any(counts.values()) else None


def _compare_names(kind: str, known: Sequence[str], wanted: Sequence[str]) -> None:
    if not known:
        raise ModelError(f"expected a model that knows {kind} names, received one without any; choose the other task.")
    missing = [name for name in wanted if name not in known]
    if missing:
        _log.warning(
            "of the test set's %d %s names the model does not know %d: %s", len(wanted), kind, len(missing), missing[:9]
        )
