"""What is found in a folder of raw data, all of it in one go."""

import json
import struct
import zlib

import cv2
import numpy as np
import pytest
from oracles.data_folder import edit_json, picture, write_folder
from oracles.encoded import encode

from scanml.datasets import inspect_folder, load_folder, validate_folder


def kinds(report):
    """Kind → (severity, number)."""
    return {group.kind: (group.severity, group.count) for group in report.groups}


def test_everything_wrong_is_reported_in_one_go(tmp_path):
    write_folder(tmp_path, train=6, val=2)

    def spoil(values):
        values["annotations"][0]["bbox"] = [70, 0, 5, 5]
        values["annotations"][1]["category_id"] = 2
        values["images"][5]["id"] = 1

    edit_json(tmp_path / "train.json", spoil)
    (tmp_path / "images/train2.png").unlink()
    cut = tmp_path / "images/val1.png"
    cut.write_bytes(cut.read_bytes()[:-50])
    report, data = inspect_folder(tmp_path)
    text = "\n".join(map(str, report.findings))
    assert [(split.name, len(split)) for split in data] == [("train", 4), ("validation", 1)]
    for expected in (
        "annotations[0] (id 1, image 1): the box [70, 0, 5, 5] lies outside",
        "annotations[1] (id 2, image 2): unknown category id 2",
        "images[5] (id 1): image id 1 occurs twice",
        "train2.png: cannot be read (No such file or directory)",
        "val1.png: the file is truncated",
    ):
        assert expected in text


def test_a_sound_folder_is_counted_and_loaded_by_one_look(tmp_path):
    write_folder(tmp_path, train=5, val=2)
    (tmp_path / "triggers.jsonl").write_text('{"image": "train0.png", "present": ["sky"], "absent": ["sea", "snow"]}\n')
    report, data = inspect_folder(tmp_path)
    assert report.passed
    assert report.counts == {
        "images in train": 5,
        "images in validation": 2,
        "boxes": 7,
        "trigger labels": 3,
    }
    places = [(split.name, [label for record in split.records for label in record.labels]) for split in data]
    for label, name in enumerate(("cat", "dog")):
        assert report.class_counts[name] == {split: labels.count(label) for split, labels in places}
    loaded = load_folder(tmp_path)
    assert [split.fingerprint for split in data] == [split.fingerprint for split in loaded]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(images=[], annotations=[]), "the data set is empty"),
        (lambda v: v.update(annotations=[]), "no image has a box or a trigger"),
        (lambda v: v.update(images=v["images"][:2], annotations=[]), "nothing to learn"),
        (lambda v: v.update(images=v["images"][:2], annotations=v["annotations"][:2]), "at least 3 different pictures"),
    ],
)
def test_too_little_data_is_an_error_with_a_way_out(tmp_path, change, message):
    edit_json(write_folder(tmp_path, instances=4) / "instances.json", change)
    report = validate_folder(tmp_path)
    assert not report.passed
    assert message in report.errors[0].problem


def test_one_picture_is_too_few_and_says_how_many_are_needed(tmp_path):
    report = validate_folder(write_folder(tmp_path, instances=1))
    assert kinds(report)["too few pictures"] == ("error", 1)
    assert "expected at least 3 different pictures" in report.errors[0].problem


def test_every_kind_of_picture_is_said(tmp_path):
    root = write_folder(tmp_path, train=9, val=2, test=2)
    images = root / "images"
    (images / "train0.png").write_bytes(encode("JPEG", mode="CMYK", pixels=picture(50)))
    (images / "train1.png").write_bytes(encode("JPEG", mode="L", pixels=picture(51)))
    cv2.imwrite(str(images / "train2.png"), picture(52).astype(np.uint16) << 8)
    (images / "train3.png").write_bytes(encode("GIF", pixels=picture(53)))
    (images / "train4.png").write_bytes(encode("PNG", pixels=picture(54, (41, 60))))
    (images / "val0.png").write_bytes((images / "train5.png").read_bytes())
    changed = picture(6)
    changed[:2, :2] ^= 1
    (images / "test0.png").write_bytes(encode("PNG", pixels=changed))
    (images / "train7.png").write_bytes((images / "train8.png").read_bytes())
    report, splits = inspect_folder(root)
    assert (
        kinds(report).items()
        >= {
            "CMYK picture": ("warning", 1),
            "gray picture": ("warning", 1),
            "16-bit picture": ("warning", 1),
            "picture that cannot be read": ("error", 1),
            "picture of another size than its record says": ("error", 1),
            "same picture in two splits": ("error", 1),
            "near-duplicate in two splits": ("error", 1),
            "same picture within a split": ("warning", 1),
        }.items()
    )
    assert [len(split) for split in splits] == [7, 2, 2]
    assert report.class_counts["cat"].keys() == {"train", "validation", "test"}


def test_boxes_and_balance_are_looked_at(tmp_path):
    root = write_folder(tmp_path, train=6, val=2, test=2)

    def spoil(values):
        first = values["annotations"][0]
        values["annotations"] += [dict(first, id=90), dict(first, id=91, bbox=[1, 1, 2, 2])]
        values["categories"].append({"id": 9, "name": "owl"})

    edit_json(root / "train.json", spoil)
    for name in ("val", "test"):
        edit_json(root / f"{name}.json", lambda values: values["categories"].append({"id": 9, "name": "owl"}))
    (root / "triggers.jsonl").write_text(json.dumps({"image": "train0.png", "present": ["sky"]}))
    report = validate_folder(root)
    assert report.passed
    found = kinds(report)
    assert found["tiny box"] == found["box that is there twice"] == ("warning", 1)
    assert found["class that a split lacks"] == found["trigger that a split lacks"] == ("warning", 1)
    assert found["rare class"] == ("warning", 2)
    assert report.class_counts["owl"] == {"train": 0, "validation": 0, "test": 0}


def test_fractions_of_the_image_are_one_error_and_not_as_many_tiny_boxes(tmp_path):
    root = write_folder(tmp_path, instances=12)

    def shrink(values):
        for annotation in values["annotations"]:
            annotation["bbox"] = [0.1, 0.2, 0.3, 0.4]

    edit_json(root / "instances.json", shrink)
    report = validate_folder(root)
    assert kinds(report)["boxes in another format"] == ("error", 1)
    assert "tiny box" not in kinds(report)


def test_ten_thousand_wrong_records_are_one_kind_and_a_bounded_report(tmp_path):
    root = write_folder(tmp_path, instances=3)

    def spoil(values):
        first = values["annotations"][0]
        values["annotations"] += [dict(first, id=100 + i, category_id=2) for i in range(10_000)]

    edit_json(root / "instances.json", spoil)
    report = validate_folder(root)
    assert kinds(report)["unknown category"] == ("error", 10_000)
    (group,) = (group for group in report.to_json()["findings"] if group["kind"] == "unknown category")
    assert (group["count"], len(group["records"])) == (10_000, 1000)
    assert len(json.dumps(report.to_json())) < 400_000


def test_a_picture_that_would_fill_the_memory_is_an_error_by_name(tmp_path):
    root = write_folder(tmp_path, instances=4)
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + zlib.compress(bytes(10_000)), b"IEND")
    data = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    (root / "images/instances2.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    report = validate_folder(root)
    assert "instances2.png: 60000×60000 pixels are more than 100 megapixels; scale it down" in report.errors[0].problem


@pytest.mark.parametrize("opening", [b"[", b'{"images": ['])
def test_a_hundred_megabytes_of_nesting_are_an_error_by_name(tmp_path, opening):
    root = write_folder(tmp_path, instances=4)
    (root / "instances.json").write_bytes(opening * (100_000_000 // len(opening)))
    (finding,) = validate_folder(root).errors
    assert finding.where == str(root / "instances.json")
    assert "not JSON that can be read" in finding.problem
