"""A region of many, from COCO file through shards to metric: what is found inside is neither right nor wrong."""

import contextlib
import io

import numpy as np
import pytest
from oracles.data_folder import edit_json, write_folder
from oracles.fake_reader import FakeReader
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scanml.datasets import load_folder, open_split, validate_folder, write_shards
from scanml.evaluation import collect
from scanml.evaluation.evaluate import measure
from scanml.structures import Boxes, Detections

SIZE = (40, 60)
REGION = [30.0, 2.0, 28.0, 36.0]  # x, y, width, height
INSIDE = [32.0, 5.0, 42.0, 15.0]  # a detection, as corners


def run_lengths():
    pixels = np.zeros(SIZE, np.uint8, order="F")
    pixels[2:38, 30:58] = 1
    encoded = mask.encode(pixels)
    return {"size": list(SIZE), "counts": encoded["counts"].decode()}


SHAPES = {"run lengths": run_lengths(), "polygon": [[30, 2, 58, 2, 58, 38, 30, 38]]}


def write_crowd(root, shape, *, crowd):
    """Three splits; the first picture of the test has a region of many beside its box."""
    write_folder(root, train=2, val=2, test=3)

    def add(values):
        region = {"id": 50, "image_id": 1, "category_id": 7, "bbox": REGION, "iscrowd": crowd, "area": 28 * 36}
        values["annotations"].append({**region, "segmentation": SHAPES[shape]})
        for annotation in values["annotations"][:3]:
            annotation.update(iscrowd=0, area=200, category_id=7)

    edit_json(root / "test.json", add)


def found(extra):
    """Every box found, and `extra` boxes on the first picture with a higher score."""
    answers = []
    for index in range(3):
        boxes = [*(extra if index == 0 else []), [5, 6, 25, 16]]
        scores = np.linspace(0.9, 0.8, len(boxes))
        answers.append(Detections(Boxes(boxes, SIZE), scores, [1] * len(boxes), ("cat", "dog")))
    return answers


class Reader(FakeReader):
    """Answers by the number in test0.png, test1.png, …"""

    def read(self, frames):
        return [self.read_one(frame, int(frame.frame_id[4])) for frame in frames]


def by_pycocotools(path, answers):
    rows = [
        {"image_id": index + 1, "category_id": 7, "bbox": [*box[:2], *(box[2:] - box[:2])], "score": float(score)}
        for index, one in enumerate(answers)
        for box, score in zip(one.boxes.xyxy, one.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        judged = COCOeval(truth, truth.loadRes(rows), "bbox")
        judged.evaluate(), judged.accumulate(), judged.summarize()
    return judged.stats


@pytest.mark.parametrize("shape", SHAPES)
def test_what_lies_in_a_region_of_many_is_neither_right_nor_wrong(tmp_path, shape):
    values = {}
    for crowd in (0, 1):
        root = tmp_path / f"crowd{crowd}"
        write_crowd(root, shape, crowd=crowd)
        write_shards(load_folder(root).test, root / "shards", shard_megabytes=1)
        test = open_split(root / "shards")
        assert test.records[0].crowd == (False, bool(crowd))
        for extra in ([], [INSIDE], [INSIDE, INSIDE]):
            answers = found(extra)
            metrics = measure(collect(Reader(("cat", "dog"), answers), test), num_resamples=2)
            values[crowd, len(extra)] = metrics["AP"].value
            expected = by_pycocotools(root / "test.json", answers)
            assert metrics["AP"].value == pytest.approx(expected[0], abs=1e-12)
            assert metrics["AR100"].value == pytest.approx(expected[8], abs=1e-12)
    assert values[1, 0] == values[1, 1] == values[1, 2] == 1
    assert values[0, 2] < values[0, 1] < values[0, 0] < 1


def test_a_region_of_many_is_no_truth_to_count(tmp_path):
    write_crowd(tmp_path, "polygon", crowd=1)
    report = validate_folder(tmp_path)
    assert report.passed
    assert report.class_counts["dog"]["test"] == 3
