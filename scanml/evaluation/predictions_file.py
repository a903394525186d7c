"""`predictions.json`: written where a model was evaluated, read by whoever judges it, and distrusted there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from scanml.config import from_json
from scanml.errors import ArtifactError, ScanmlError
from scanml.evaluation.predictions import Found, FoundObjects, FoundTriggers, ImageRecord, Predictions
from scanml.metrics import ImageTruth, TriggerTable
from scanml.structures import Boxes, Detections
from scanml.structures.batches import Task

FORMAT = 1

_KINDS = {"numbers": "iuf", "whole numbers": "iu", "truth values": "b"}
_MOST = np.iinfo(np.int32).max  # no label, and no coordinate, is larger


@dataclass(frozen=True)
class _File:
    """The file: `images` are checked one by one."""

    format: int
    task: Task
    names: tuple[str, ...]
    num_leaked: int | None
    test_fingerprint: str
    images: tuple[object, ...]
    category_ids: tuple[int, ...] = ()
    thresholds: tuple[float, ...] = ()
    train_positives: tuple[int, ...] | None = None


@dataclass(frozen=True)
class _DetectorImage:
    record: ImageRecord
    truth_boxes: object
    truth_labels: object
    truth_crowd: object
    truth_areas: object
    boxes: object
    scores: object
    labels: object


@dataclass(frozen=True)
class _ClassifierImage:
    record: ImageRecord
    present: object
    known: object
    scores: object


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write `predictions` to `path`.

    Raises:
        ArtifactError: the folder does not exist or cannot be written.
    """
    found = predictions.found
    values: dict[str, object] = {
        "format": FORMAT,
        "task": predictions.task,
        "names": predictions.names,
        "num_leaked": predictions.num_leaked,
        "test_fingerprint": predictions.test_fingerprint,
    }
    if isinstance(found, FoundObjects):
        values |= {"category_ids": found.category_ids}
        answers = [_objects_to_json(*pair) for pair in zip(found.truths, found.detections, strict=True)]
    else:
        counts = found.table.train_positives
        values |= {"thresholds": found.thresholds.tolist()}
        values |= {} if counts is None else {"train_positives": counts.tolist()}
        answers = _triggers_to_json(found.table)
    values["images"] = [
        {"record": vars(image), **answer} for image, answer in zip(predictions.images, answers, strict=True)
    ]
    try:
        path.write_text(json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n", encoding="ascii")
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror}); choose an existing folder.") from error


def read_predictions(path: Path) -> Predictions:
    """Read `path` again, to the bit.

    Raises:
        ArtifactError: missing, damaged, of another format, or not what was written; file and record are named.
    """
    try:
        values = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
        found = values.get("format") if isinstance(values, dict) else None
        is_newer = isinstance(found, int) and found > FORMAT
        if not is_newer:
            return _predictions(from_json(_File, values, where="the file"))
    except (OSError, ValueError, RecursionError, ScanmlError) as error:
        raise ArtifactError(
            f"{path}: expected predictions as `scanml evaluate` writes them; {error} Evaluate again."
        ) from error
    raise ArtifactError(f"{path}: a newer scanml wrote it (format {found}, this one reads {FORMAT}): install that one.")


def _predictions(file: _File) -> Predictions:
    if file.format != FORMAT:
        raise ArtifactError(f"they have format {file.format}, this scanml reads {FORMAT}.")
    records, found = _read_objects(file) if file.task == "detector" else _read_triggers(file)
    predictions = Predictions(records, found, file.num_leaked)
    if predictions.test_fingerprint != file.test_fingerprint:
        raise ArtifactError("its truths or image hashes are not those that its fingerprint was made of.")
    return predictions


def _read_objects(file: _File) -> tuple[tuple[ImageRecord, ...], Found]:
    records, truths, detections = [], [], []
    for index, values in enumerate(file.images):
        where = f"images[{index}]"
        image = from_json(_DetectorImage, values, where=where)
        where = f"{where} ({image.record.file_name})"
        try:
            truth, found = _objects(image, file.names)
        except ScanmlError as error:
            raise ArtifactError(f"{where}: {error}") from error
        records.append(image.record)
        truths.append(truth)
        detections.append(found)
    return tuple(records), FoundObjects(file.names, file.category_ids, tuple(truths), tuple(detections))


def _objects(image: _DetectorImage, names: tuple[str, ...]) -> tuple[ImageTruth, Detections]:
    size = image.record.size
    truth = ImageTruth(
        Boxes(_array(image.truth_boxes, "numbers", "truth_boxes"), size),
        _array(image.truth_labels, "whole numbers", "truth_labels"),
        _array(image.truth_crowd, "truth values", "truth_crowd"),
        _array(image.truth_areas, "numbers", "truth_areas"),
    )
    found = Detections(
        Boxes(_array(image.boxes, "numbers", "boxes"), size),
        _array(image.scores, "numbers", "scores"),
        _array(image.labels, "whole numbers", "labels"),
        names,
    )
    return truth, found


def _read_triggers(file: _File) -> tuple[tuple[ImageRecord, ...], Found]:
    images = [from_json(_ClassifierImage, values, where=f"images[{i}]") for i, values in enumerate(file.images)]
    rows: dict[str, list[npt.NDArray[Any]]] = {"scores": [], "present": [], "known": []}
    for index, image in enumerate(images):
        for name, cells in rows.items():
            kind = "numbers" if name == "scores" else "truth values"
            row = _array(getattr(image, name), kind, f"images[{index}] ({image.record.file_name}): {name}")
            if row.shape != (len(file.names),) or not ((row >= 0) & (row <= 1)).all():
                raise ArtifactError(
                    f"images[{index}]: {name} must be {len(file.names)} values in [0, 1], received {row}."
                )
            cells.append(row)
    scores, present, known = (np.reshape(cells, (len(images), len(file.names))) for cells in rows.values())
    counts = None if file.train_positives is None else np.array(file.train_positives)
    table = TriggerTable(file.names, scores, present, known, counts)
    return tuple(image.record for image in images), FoundTriggers(table, np.array(file.thresholds))


def _array(values: object, kind: str, where: str) -> npt.NDArray[Any]:
    """`values` as an array, where JSON holds a list of nothing but `kind`; shapes are checked by what it goes into."""
    try:
        array = np.array(values)
    except ValueError as error:
        raise ArtifactError(f"{where}: expected rows of one length ({error}).") from error
    if not isinstance(values, list) or (array.size and array.dtype.kind not in _KINDS[kind]):
        raise ArtifactError(f"{where}: expected a list of {kind}, received {str(values)[:60]}.")
    if array.size and array.dtype.kind != "b" and not np.abs(array.astype(np.float64)).max() <= _MOST:
        raise ArtifactError(f"{where}: expected numbers up to {_MOST}, received larger ones.")
    return array


def _objects_to_json(truth: ImageTruth, found: Detections) -> Mapping[str, object]:
    return {
        "truth_boxes": _exact(truth.boxes.xyxy),
        "truth_labels": truth.labels.tolist(),
        "truth_crowd": truth.crowd.tolist(),
        "truth_areas": truth.sizes_px2().tolist(),
        "boxes": _exact(found.boxes.xyxy),
        "scores": _exact(found.scores),
        "labels": found.labels.tolist(),
    }


def _triggers_to_json(table: TriggerTable) -> list[Mapping[str, object]]:
    columns = zip(table.present.tolist(), table.known.tolist(), table.scores.tolist(), strict=True)
    return [{"present": present, "known": known, "scores": scores} for present, known, scores in columns]


def _exact(values: npt.NDArray[np.float32]) -> object:
    """Nested lists of the shortest numbers that are these float32 again: 9 digits do (IEEE 754, 5.12.2)."""
    short = np.array([float(f"{value:.9g}") for value in values.ravel().tolist()])
    return short.reshape(values.shape).tolist()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number.")
