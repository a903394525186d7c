"""YOLO folders: both layouts, lists, outlines; every mistake by file and line."""

import json
import os

import numpy as np
import pytest
from oracles.data_folder import coco, write_pictures
from oracles.encoded import encode
from oracles.other_formats import write_yolo

from scanml.datasets import validate_folder
from scanml.datasets.convert import read_yolo, write_folder
from scanml.errors import DataError


def convert(root, out):
    write_folder(read_yolo(root), out)
    return {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}


def random_coco(rng, names, size):
    """Up to five boxes a picture, inside of it."""
    values = coco(names, size=size) | {"annotations": []}
    for image in values["images"]:
        for _ in range(rng.integers(0, 6)):
            (left, right), (top, bottom) = (np.sort(rng.uniform(0, side, 2)) for side in size[::-1])
            values["annotations"].append(
                {
                    "id": len(values["annotations"]) + 1,
                    "image_id": image["id"],
                    "category_id": int(rng.choice([1, 7])),
                    "bbox": [left, top, right - left + 0.01, bottom - top + 0.01],
                }
            )
    return values


@pytest.mark.parametrize("layout", ["images/{}", "{}/images"])
def test_boxes_come_back_as_they_were_written(rng, tmp_path, layout):
    size, written = (400, 600), {}
    for split, names in {"train": ["b.png", "sub/a.png", "c.png"], "val": ["b.png"]}.items():
        written[split] = random_coco(rng, sorted(names), size)
        place = layout.format(split)
        write_pictures(tmp_path / "in" / place, names, first_seed=len(split), size=size)
        write_yolo(tmp_path / "in", written[split], split=split, layout=place)
    read = convert(tmp_path / "in", tmp_path / "out")
    assert set(read) == {"train", "validation"}
    for name, split in {"train": "train", "validation": "val"}.items():
        expected, found = written[split]["annotations"], read[name]["annotations"]
        assert [a["category_id"] for a in found] == [{1: 1, 7: 2}[a["category_id"]] for a in expected]
        # Six decimals are off by 5e-7 of the side: the center's and half of the extent's error add up in x and y.
        tolerance = 1.5 * 5e-7 * max(size)
        np.testing.assert_allclose([a["bbox"] for a in found], [a["bbox"] for a in expected], atol=tolerance, rtol=0)
    names = {i["file_name"]: i["id"] for split in read.values() for i in split["images"]}
    assert names == {
        name: i for i, name in enumerate(sorted(["train/b.png", "train/c.png", "train/sub/a.png", "val/b.png"]), 1)
    }


def test_everything_is_written_and_scanml_accepts_it(yolo, tmp_path):
    (values,) = convert(yolo, tmp_path / "out").values()
    assert values["categories"] == [{"id": 1, "name": "cup"}, {"id": 2, "name": "no"}]
    assert [i["file_name"] for i in values["images"]] == ["a.png", "b.png", "c.png"]
    assert [(a["image_id"], a["category_id"], a["bbox"]) for a in values["annotations"][:2]] == [
        (1, 2, [15, 10, 30, 20]),
        (1, 1, [0, 0, 30, 20]),
    ]
    for name in ("a.png", "b.png", "c.png"):
        assert (tmp_path / "out" / "images" / name).read_bytes() == (yolo / "images" / name).read_bytes()
    assert validate_folder(tmp_path / "out").passed
    again = convert(yolo, tmp_path / "again")
    assert (tmp_path / "again" / "train.json").read_bytes() == (tmp_path / "out" / "train.json").read_bytes() and again


def test_an_outline_keeps_its_points_and_gets_their_box_and_area(yolo, tmp_path):
    annotation = convert(yolo, tmp_path / "out")["train"]["annotations"][2]
    np.testing.assert_allclose(annotation["segmentation"], [[6, 8, 24, 8, 18, 24]])
    np.testing.assert_allclose(annotation["bbox"], [6, 8, 18, 16])
    assert annotation["area"] == pytest.approx(18 * 16 / 2)  # a triangle


def test_fractions_are_of_the_upright_picture(yolo, tmp_path):
    (yolo / "images" / "a.png").unlink()
    (yolo / "images" / "a.jpg").write_bytes(encode("JPEG", turn=6))  # 60 × 40 as stored
    values = convert(yolo, tmp_path / "out")["train"]
    assert [(i["width"], i["height"]) for i in values["images"][:1]] == [(40, 60)]
    assert values["annotations"][0]["bbox"] == [10, 15, 20, 30]
    assert validate_folder(tmp_path / "out").passed


@pytest.mark.parametrize(
    ("description", "count"),
    [
        ("train: ../images\nnames: {0: cup, 1: 'no'}", 3),  # as Roboflow writes
        ("path: ../datasets/yolo\ntrain: images/\nnames: [cup, no]", 3),
        ("path: images\ntrain: .\nnames: [cup, no]", 3),
        ("train: [list.txt]\nval: null\nnames: [cup, no]", 2),
    ],
)
def test_the_places_of_pictures_may_be_said_in_many_ways(yolo, tmp_path, description, count):
    (yolo / "list.txt").write_text("./images/b.png\nimages/a.png\n")
    (yolo / "data.yaml").write_text(description)
    assert len(convert(yolo, tmp_path / "out")["train"]["images"]) == count


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.1 0.1", "class 2 is none of the 2 names"),
        ("-1 0.5 0.5 0.1 0.1", "class -1 is none"),
        ("0.5 0.5 0.5 0.1 0.1", r"class 0\.5 is none"),
        ("cup 0.5 0.5 0.1 0.1", "expected numbers only"),
        ("0 0.5 0.5 0.1", "received 3 numbers"),
        ("0 0.5 0.5 0.1 0.1 0.9", "received 5 numbers"),
        ("0", "received 0 numbers"),
        ("0 320 240 0.1 0.1", "received 320; are these pixels"),
        ("0 0.5 0.5 1.1 0.1", r"in \[0, 1\], received 1\.1"),
        ("0 nan 0.5 0.1 0.1", "received nan"),
        ("0 0.5 0.5 -0.1 0.1", r"received -0\.1, a negative"),
        ("0 0.5 0.5 0 0.1", "box is empty"),
        ("0 0.1 0.1 0.1 0.5 0.1 0.7", "box is empty"),
    ],
)
def test_a_wrong_line_is_named(yolo, tmp_path, line, message):
    (yolo / "labels" / "b.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(DataError, match=rf"has 1 mistake:\n  \S*b\.txt: line 2: .*{message}"):
        convert(yolo, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("train: images", "expected `names:`"),
        ("names: [a, b]", "expected `train:`"),
        ("train: images\nnames: [a, a]", "'a' occurs twice"),
        ("train: images\nnames: {0: a, 2: b}", "1 is missing"),
        ("train: images\nnames: [[a], b]", "list or mapping of texts"),
        ("train: images\nnames: []", "list or mapping of texts"),
        ("train: images\nnc: 3\nnames: [a, b]", "nc is '3', but there are 2"),
        ("train: images\nnames: [a, b]\nkpt_shape: [17, 3]", "poses"),
        ("train: nowhere\nnames: [a, b]", "'nowhere': .*there is no such"),
        ("train: ../..\nnames: [a, b]", "leads out of"),
        ("train: /etc\nnames: [a, b]", "leads out of"),
        ("train: images/a.png\nnames: [a, b]", "expected a folder of pictures or a .txt"),
        ("train: {a: b}\nnames: [a, b]", "to name folders or lists"),
        ("train: images\nval: images\nnames: [a, b]", "a.png in validation: has the label file of .*a.png in train"),
        ("train: images\nval: empty\nnames: [a, b]", r"validation \(empty\) has no picture"),
        ("train: [images\n", "line 2: not YAML"),
        ("- 1", "expected `names:` and `train:`"),
        ("a: " + "[" * 1_000, "not YAML"),
        ("a: !!python/object/apply:os.system ['false']\ntrain: images\nnames: [a, b]\nnc: 1", "nc is '1'"),
        ("\0", "not YAML"),
    ],
)
def test_a_wrong_description_is_named(yolo, tmp_path, description, message):
    (yolo / "empty").mkdir()
    (yolo / "data.yaml").write_text(description)
    with pytest.raises(DataError, match=message) as caught:
        convert(yolo, tmp_path / "out")
    assert "yolo" in str(caught.value)
    assert not (tmp_path / "out").exists()


def link_out(root):
    (root / "images" / "d.png").symlink_to("/etc/hostname")


def link_in_a_circle(root):
    (root / "images" / "d.png").symlink_to("d.png")


def label_link_to_nowhere(root):
    (root / "labels" / "c.txt").symlink_to("nowhere.txt")


def label_not_text(root):
    (root / "labels" / "c.txt").write_bytes(b"\xff\xfe0")


def label_folder(root):
    (root / "labels" / "c.txt").mkdir()


def two_pictures_of_one_stem(root):
    (root / "images" / "a.jpg").write_bytes(encode("JPEG"))


def picture_pipe(root):
    os.mkfifo(root / "images" / "d.png")


def other_kind(root):
    (root / "images" / "d.webp").write_bytes(b"RIFF")


def no_picture(root):
    (root / "images" / "c.png").write_text("hello")


def huge_labels(root):
    (root / "labels" / "c.txt").write_bytes(b"0 0.5 0.5 0.1 0.1\n" * 1_000_000)


def same_name_in_two_places(root):
    write_pictures(root / "images" / "images", ["a.png"])
    (root / "images" / "images" / "images").mkdir()
    (root / "images" / "images" / "a.png").rename(root / "images" / "images" / "images" / "a.png")
    write_pictures(root / "images" / "images", ["images/a.png", "a.png"])
    (root / "list.txt").write_text("images/a.png\nimages/images/a.png\nimages/a.png\n")
    (root / "data.yaml").write_text("train: list.txt\nnames: [cup, no]")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (link_out, ["d.png", "leads out of"]),
        (link_in_a_circle, ["d.png", "no such"]),
        (label_link_to_nowhere, ["c.txt", "no such"]),
        (label_not_text, ["c.txt", "UTF-8"]),
        (label_folder, ["c.txt", "Is a directory"]),
        (two_pictures_of_one_stem, ["a.png in train", "has the label file of", "a.jpg"]),
        (picture_pipe, ["d.png", "no file"]),
        (other_kind, ["d.webp", "expected a JPEG or PNG"]),
        (no_picture, ["c.png", "expected a JPEG or PNG"]),
        (huge_labels, ["c.txt", "larger than 16 MB"]),
        (same_name_in_two_places, ["images/a.png in train", "has the label file"]),
    ],
)
def test_a_wrong_file_is_named(yolo, tmp_path, damage, words):
    damage(yolo)
    with pytest.raises(DataError) as caught:
        convert(yolo, tmp_path / "out")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images\nnames: [cup, no]\nnames: [no, cup]", "line 3: 'names' is there twice"),
        ("train: images\nnames:\n  0: cup\n  1: no\n  0: no", "line 5: '0' is there twice"),
    ],
)
def test_a_key_of_the_description_that_is_there_twice_is_named(yolo, tmp_path, text, message):
    (yolo / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        convert(yolo, tmp_path / "out")


def test_a_path_that_no_folder_can_have_is_none_inside(yolo, tmp_path):
    (yolo / "data.yaml").write_text(f"path: {'x' * 5000}\ntrain: images\nnames: [cup, no]")
    assert convert(yolo, tmp_path / "out")


@pytest.mark.parametrize("number", ["0_1", "\u0660.5"])
def test_numbers_are_written_in_plain_digits(yolo, tmp_path, number):
    (yolo / "labels" / "a.txt").write_text(f"0 0.5 0.5 {number} 0.1\n")
    with pytest.raises(DataError, match="expected numbers only"):
        convert(yolo, tmp_path / "out")


def test_two_pictures_that_would_be_written_to_one_place(yolo, tmp_path):
    write_pictures(yolo, ["other/x.png", "other/images/x.png"])
    (yolo / "data.yaml").write_text("train: [images, other]\nnames: [cup, no]")
    with pytest.raises(DataError, match=r"would be images/other/x\.png"):
        convert(yolo, tmp_path / "out")


def test_a_name_that_no_coco_file_can_hold(yolo, tmp_path):
    (yolo / "images" / "c.png").rename(yolo / "images" / os.fsdecode(b"\xff.png"))
    with pytest.raises(DataError, match=r"expected a file name.*Rename it"):
        convert(yolo, tmp_path / "out")


def test_a_list_names_its_wrong_lines(yolo, tmp_path):
    (yolo / "list.txt").write_text("images/a.png\n/etc/passwd\nimages/nowhere.png\nlabels/a.txt\n")
    (yolo / "data.yaml").write_text("train: list.txt\nnames: [cup, no]")
    with pytest.raises(DataError, match="has 3 mistakes") as caught:
        convert(yolo, tmp_path / "out")
    for line in (2, 3, 4):
        assert f"list.txt: line {line}: " in str(caught.value)


def test_nothing_to_learn_is_refused(yolo, tmp_path):
    for path in (yolo / "labels").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"3 pictures, no label; .*labels/a\.txt"):
        convert(yolo, tmp_path / "out")
    (yolo / "data.yaml").unlink()
    with pytest.raises(DataError, match=r"expected data\.yaml .*found none"):
        convert(yolo, tmp_path / "out")
    with pytest.raises(DataError, match="no such folder"):
        convert(tmp_path / "nowhere", tmp_path / "out")


def test_the_first_mistakes_are_shown_and_the_rest_counted(yolo, tmp_path):
    (yolo / "labels" / "a.txt").write_text("9 0.5 0.5 0.1 0.1\n" * 23)
    with pytest.raises(DataError, match=r"has 23 mistakes:(.|\n)*line 20(.|\n)*and 3 more") as caught:
        convert(yolo, tmp_path / "out")
    assert "line 21" not in str(caught.value)
