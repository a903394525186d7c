"""Pascal VOC folders: pixels counted from 1, difficult objects, sets; every mistake by file and line."""

import json

import pytest
from oracles.encoded import encode
from oracles.other_formats import voc_xml

from scanml.datasets import validate_folder
from scanml.datasets.convert import read_voc, write_folder
from scanml.errors import DataError

SIZE = (40, 60)


def convert(root, out):
    write_folder(read_voc(root), out)
    return {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}


def boxes(values):
    return [a["bbox"] for a in values["annotations"]]


def test_pixels_from_1_with_both_ends_become_edges(voc, tmp_path):
    read = convert(voc, tmp_path / "out")
    assert boxes(read["train"]) == [[0, 0, 60, 40]]  # all of the picture
    assert boxes(read["validation"]) == [[2, 3, 1, 1], [4, 5, 16, 25]]  # one pixel; 5…20 are 16 pixels
    assert [a["area"] for a in read["validation"]["annotations"]] == [1, 400]
    assert validate_folder(tmp_path / "out").passed


def test_difficult_becomes_crowd_and_classes_are_alphabetical(voc, tmp_path):
    read = convert(voc, tmp_path / "out")
    assert set(read) == {"train", "validation", "test"}
    assert all(v["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}] for v in read.values())
    assert [(a["id"], a["category_id"], a["iscrowd"]) for a in read["validation"]["annotations"]] == [
        (2, 2, 0),
        (3, 1, 1),
    ]
    assert [i["id"] for name in ("train", "validation", "test") for i in read[name]["images"]] == [1, 2, 3]


def test_without_sets_every_annotation_counts_and_trainval_stands_in_for_train(voc, tmp_path):
    sets = voc / "ImageSets" / "Main"
    for name in ("train", "val"):
        (sets / f"{name}.txt").unlink()
    read = convert(voc, tmp_path / "first")
    assert {name: len(values["images"]) for name, values in read.items()} == {"train": 2, "test": 1}
    for name in ("trainval", "test"):
        (sets / f"{name}.txt").unlink()
    read = convert(voc, tmp_path / "second")
    assert {name: len(values["images"]) for name, values in read.items()} == {"instances": 3}


def test_a_size_before_or_after_turning_is_kept_as_it_was_labelled(voc, tmp_path):
    (voc / "JPEGImages" / "a.jpg").write_bytes(encode("JPEG", turn=6))  # 60 × 40 as stored, 40 × 60 upright
    image = convert(voc, tmp_path / "out")["train"]["images"][0]
    assert (image["width"], image["height"]) == (60, 40)
    (voc / "Annotations" / "a.xml").write_text(voc_xml((60, 40), ("dog", 1, 1, 40, 60)))
    image = convert(voc, tmp_path / "upright")["train"]["images"][0]
    assert (image["width"], image["height"]) == (40, 60)


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: not XML"),
        ("<annotation>\n<size>", "line 2: not XML"),
        ("<html/>", "expected Pascal VOC's <annotation>, received <html>"),
        ("<annotation/>", "needs one <size>, found 0"),
        ("<annotation><size><width>0</width><height>4</height></size></annotation>", "the size is 0×4"),
        ("<annotation><size><width>6</width></size></annotation>", "needs one <height>"),
        (BOMB, r"line 1: has a DTD"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "has a DTD"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "encoding|not XML"),
        ("<a>" * 50_000, "not XML"),
        (" " * 5_000_000, "larger than 4 MB"),
        (voc_xml((40, 61)), "says 61×40, the picture .*a.jpg is 60×40"),
        (voc_xml(SIZE, ("dog", 9, 1, 8, 2)), "line 6: .*negative size"),
        (voc_xml(SIZE, ("dog", "x", 1, 8, 2)), "line 6: expected a number in <xmin>, received 'x'"),
        (voc_xml(SIZE, ("dog", "nan", 1, 8, 2)), "expected a number in <xmin>, received 'nan'"),
        (voc_xml(SIZE, ("dog", "1_0", 1, 20, 2)), "expected a number in <xmin>, received '1_0'"),
        (voc_xml(SIZE, ("dog", "\u0661", 1, 8, 2)), "expected a number in <xmin>"),
        (voc_xml(SIZE, ("dog", -1e308, 1, 1e308, 2)), "line 6: the box is inf wide and 1 high"),
        (voc_xml(SIZE, ("dog", -1e200, -1e200, 1e200, 1e200)), "line 6: the box is 2e.200 wide"),
        (
            voc_xml(SIZE, ("dog", 1, 1, 8, 2)).replace("</object>", "<difficult>yes</difficult></object>"),
            "expected 0 or 1 in <difficult>, received 'yes'",
        ),
        (voc_xml(SIZE, ("dog", 61, 1, 70, 2)), "outside the picture of 60×40"),
        (voc_xml(SIZE, (" ", 1, 1, 8, 2)), "empty <name>"),
        (voc_xml(SIZE, ("dog", 1, 1, 8, 2)).replace("ymax>", "ymx>"), "needs one <ymax>, found 0"),
    ],
    ids=range(23),
)
def test_a_wrong_annotation_is_named(voc, tmp_path, text, message):
    (voc / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(DataError, match=rf"has 1 mistake:\n  \S*a\.xml: .*({message})"):
        convert(voc, tmp_path / "out")


def test_boxes_counted_from_0_are_accepted_and_off_by_a_pixel_at_most(voc, tmp_path):
    (voc / "Annotations" / "a.xml").write_text(voc_xml(SIZE, ("dog", 0, 0, 10.5, 20)))
    assert boxes(convert(voc, tmp_path / "out")["train"]) == [[-1, -1, 11.5, 21]]
    assert validate_folder(tmp_path / "out").passed


@pytest.mark.parametrize("flag", ["", " 1", " -1", "\t0"])
def test_a_name_may_hold_spaces_and_be_followed_by_whether_its_class_is_there(voc, tmp_path, flag):
    for folder, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".xml")):
        (voc / folder / "a").with_suffix(suffix).rename(voc / folder / f"my cat{suffix}")
    for name in ("val", "trainval", "test"):
        (voc / "ImageSets" / "Main" / f"{name}.txt").unlink(missing_ok=True)
    (voc / "ImageSets" / "Main" / "train.txt").write_text(f"my cat{flag}\n")
    assert [image["file_name"] for image in convert(voc, tmp_path / "out")["train"]["images"]] == ["my cat.jpg"]


def no_annotations(root):
    (root / "Annotations").rename(root / "annotations")


def no_picture(root):
    (root / "JPEGImages" / "a.jpg").unlink()


def two_pictures(root):
    (root / "JPEGImages" / "a.png").write_bytes(encode("PNG"))


def link_out(root):
    (root / "JPEGImages" / "d.jpg").symlink_to("/etc/hostname")


def annotation_link_out(root):
    (root / "Annotations" / "a.xml").unlink()
    (root / "Annotations" / "a.xml").symlink_to("/etc/hostname")


def listing(text, *, name="train"):
    def damage(root):
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text)

    return damage


def only_val(root):
    for name in ("train", "trainval", "test"):
        (root / "ImageSets" / "Main" / f"{name}.txt").unlink()


def nothing_labelled(root):
    for path in (root / "Annotations").iterdir():
        path.write_text(voc_xml(SIZE))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_annotations, ["voc", "there is no Annotations/"]),
        (no_picture, ["a.xml", "expected one picture a.jpg or .png", "found none"]),
        (two_pictures, ["a.xml", "found a.jpg and a.png"]),
        (link_out, ["d.jpg", "leads out of"]),
        (annotation_link_out, ["a.xml", "leads out of"]),
        (listing("a\nzzz\n"), ["zzz.xml", "no such"]),
        (listing("a\n../../etc/passwd\n"), ["train.txt: line 2", "leads out of"]),
        (listing("a\na\n"), ["train.txt: line 2", "listed already in", "train.txt: line 1"]),
        (listing("a\n", name="test"), ["test.txt: line 1", "listed already in", "train.txt: line 1"]),
        (listing("\n"), ["voc", "list of the train pictures is empty"]),
        (only_val, ["Main", "expected train.txt or trainval.txt, found val"]),
        (nothing_labelled, ["voc", "nothing to learn"]),
    ],
)
def test_a_wrong_folder_is_named(voc, tmp_path, damage, words):
    damage(voc)
    with pytest.raises(DataError) as caught:
        convert(voc, tmp_path / "out")
    for word in words:
        assert word in str(caught.value)
