"""Predictions: the same after a trip through JSON, and never believed when the file is not what was written."""

import json
from dataclasses import replace

import numpy as np
import pytest
from oracles.random_scenes import random_scene

from scanml.errors import ArtifactError, DataError
from scanml.evaluation import (
    FoundObjects,
    FoundTriggers,
    ImageRecord,
    Predictions,
    measure,
    read_predictions,
    write_predictions,
)
from scanml.metrics import TriggerTable
from scanml.structures import Boxes, Detections

NAMES = ("class 0", "class 1", "<b>\udc80")


def records(count, size=(480, 640)):
    return tuple(ImageRecord(f"{index}.jpg", index, f"{index:032x}", size) for index in range(count))


def objects(rng, *, num_images=6):
    truths, found = random_scene(rng, num_images=num_images)
    found = [Detections(d.boxes, d.scores, d.labels, NAMES) for d in found]
    return Predictions(records(num_images), FoundObjects(NAMES, (1, 5, 9), tuple(truths), tuple(found)), 1)


def triggers(rng, *, num_images=6):
    scores = rng.random((num_images, 3)).astype(np.float32)
    table = TriggerTable(NAMES, scores, rng.random((num_images, 3)) < 0.5, rng.random((num_images, 3)) < 0.8)
    return Predictions(records(num_images), FoundTriggers(table, np.array([0.3, 0.5, 0.7])), 0)


def counted_triggers(rng):
    predictions = triggers(rng)
    table = replace(predictions.found.table, train_positives=[7, 30, 101])
    return replace(predictions, found=replace(predictions.found, table=table))


@pytest.mark.parametrize("make", [objects, triggers, counted_triggers])
def test_what_is_read_is_what_was_written(make, rng, tmp_path):
    predictions = make(rng)
    write_predictions(predictions, tmp_path / "predictions.json")
    back = read_predictions(tmp_path / "predictions.json")
    assert back.images == predictions.images
    assert (back.task, back.names, back.num_leaked) == (predictions.task, predictions.names, predictions.num_leaked)
    assert back.test_fingerprint == predictions.test_fingerprint
    assert measure(back, num_resamples=20) == measure(predictions, num_resamples=20)


def test_boxes_and_scores_survive_to_the_bit(rng, tmp_path):
    boxes = np.sort(rng.random((50, 2, 2)).astype(np.float32) * 600, axis=1).reshape(50, 4)
    found = Detections(Boxes(boxes, (480, 640)), np.sort(rng.random(50).astype(np.float32))[::-1], [0] * 50, NAMES)
    truth = random_scene(rng, num_images=1)[0][0]
    predictions = Predictions(records(1), FoundObjects(NAMES, (1, 2, 3), (truth,), (found,)))
    write_predictions(predictions, tmp_path / "p.json")
    back = read_predictions(tmp_path / "p.json").found.detections[0]
    np.testing.assert_array_equal(back.boxes.xyxy, boxes)
    np.testing.assert_array_equal(back.scores, found.scores)


def test_the_fingerprint_knows_the_test_set_and_not_the_model(rng):
    predictions = objects(rng)
    found = predictions.found
    nothing = tuple(Detections.empty(NAMES, image_size=(480, 640)) for _ in found.truths)
    other_model = Predictions(predictions.images, FoundObjects(NAMES, (1, 5, 9), found.truths, nothing), 0)
    assert other_model.test_fingerprint == predictions.test_fingerprint
    other_truth = FoundObjects(NAMES, (1, 5, 9), found.truths[::-1], found.detections)
    other_images = (*predictions.images[:-1], ImageRecord("5.jpg", 5, "f" * 32, (480, 640)))
    other_names = FoundObjects((*NAMES[:2], "d"), (1, 5, 9), found.truths, found.detections)
    others = [(predictions.images, other_truth), (other_images, found), (predictions.images, other_names)]
    prints = {Predictions(images, answers).test_fingerprint for images, answers in others}
    assert len(prints | {predictions.test_fingerprint}) == 4


def first(values, name, value):
    values["images"][0][name] = value


HOSTILE = {
    "another format": (objects, lambda v: v.update(format=0), r"format 0, this scanml reads 1\. Evaluate again"),
    "a newer format": (
        objects,
        lambda v: v.update(format=2, smell="sweet"),
        r"a newer scanml wrote it \(format 2, this one reads 1\): install that one\.$",
    ),
    "no task": (objects, lambda v: v.pop("task"), "task"),
    "another task": (objects, lambda v: v.update(task="oracle"), "oracle"),
    "an unknown field": (objects, lambda v: v.update(pickle="gASV"), "no field 'pickle'"),
    "a leak of more than all": (objects, lambda v: v.update(num_leaked=7), "num_leaked"),
    "one image less": (objects, lambda v: v["images"].pop(), "fingerprint"),
    "a category less": (objects, lambda v: v["category_ids"].pop(), "category ids"),
    "words for numbers": (
        objects,
        lambda v: first(v, "scores", ["1"]),
        r"images\[0\] \(0.jpg\): scores: expected a li",
    ),
    "numbers for flags": (objects, lambda v: first(v, "truth_crowd", [1]), "truth_crowd: expected a list of truth val"),
    "half a label": (objects, lambda v: first(v, "labels", [0.5]), "labels: expected a list of whole numbers"),
    "an object for boxes": (objects, lambda v: first(v, "boxes", {"0": 1}), "boxes: expected a list"),
    "ragged boxes": (objects, lambda v: first(v, "boxes", [[1, 2], [3]]), "boxes: expected rows of one length"),
    "three corners": (objects, lambda v: first(v, "truth_boxes", [[1, 2, 3]]), "must have shape"),
    "a box turned around": (objects, lambda v: first(v, "truth_boxes", [[9, 0, 1, 5]]), "left <= right"),
    "a label too many": (objects, lambda v: first(v, "labels", [0] * 99), "labels must have shape"),
    "a huge label": (objects, lambda v: first(v, "labels", [2**32]), "numbers up to"),
    "a huge corner": (objects, lambda v: first(v, "boxes", [[0, 0, 1e300, 1]]), "numbers up to"),
    "an infinite corner": (objects, lambda v: first(v, "boxes", [[0, 0, float("inf"), 1]]), "Infinity is no number"),
    "no size": (objects, lambda v: v["images"][0]["record"].update(size=[0, 5]), "at least one pixel"),
    "a size of words": (
        objects,
        lambda v: v["images"][0]["record"].update(size=["1", "2"]),
        r"images\[0\].record.size",
    ),
    "no record": (objects, lambda v: v["images"][0].pop("record"), r"images\[0\].*record"),
    "a probability of 2": (
        triggers,
        lambda v: first(v, "scores", [2, 0, 0]),
        r"images\[0\]: scores must be 3 values in",
    ),
    "a trigger less": (triggers, lambda v: first(v, "known", [True]), r"images\[0\]: known must be 3 values"),
    "a threshold less": (triggers, lambda v: v.update(thresholds=[0.5]), "thresholds must have shape"),
    "a training count less": (triggers, lambda v: v.update(train_positives=[1]), "train_positives must have shape"),
    "a negative training count": (triggers, lambda v: v.update(train_positives=[1, -1, 1]), "must be at least 0"),
    "a huge training count": (triggers, lambda v: v.update(train_positives=[1, 10**30, 1]), "train_positives"),
    "another truth": (triggers, lambda v: first(v, "known", [False] * 3), "fingerprint"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_changed_file_is_refused_by_name_and_record(name, rng, tmp_path):
    make, change, words = HOSTILE[name]
    path = tmp_path / "predictions.json"
    write_predictions(make(rng), path)
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(ArtifactError, match=words) as refusal:
        read_predictions(path)
    assert str(refusal.value).startswith(str(path))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b"9" * 10_000, b'{"format": 1' + b" " * 50]
)
def test_what_is_no_such_json_is_refused(data, tmp_path):
    (tmp_path / "p.json").write_bytes(data)
    with pytest.raises(ArtifactError, match=r"p\.json: expected predictions"):
        read_predictions(tmp_path / "p.json")


def test_missing_files_and_folders_are_named(rng, tmp_path):
    with pytest.raises(ArtifactError, match=r"nowhere\.json"):
        read_predictions(tmp_path / "nowhere.json")
    with pytest.raises(ArtifactError, match="cannot be written"):
        write_predictions(triggers(rng), tmp_path / "missing" / "p.json")


def test_parts_that_do_not_belong_together_are_refused(rng):
    predictions = objects(rng)
    with pytest.raises(DataError, match="answers to 5 images"):
        Predictions(predictions.images[:5], predictions.found)
