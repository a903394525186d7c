"""Which files make which splits, and what is said of a folder that is not as it should be."""

import json

import pytest
from oracles.data_folder import coco, edit_json, write_folder, write_pictures

from scanml.datasets.folder import read_folder, read_instances, refuse_errors
from scanml.errors import DataError
from scanml.structures import DataReport, Finding


def sizes(data):
    return {split: len(images) for split, images in data.splits.items()}


def write_triggers(root, *records):
    (root / "triggers.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.parametrize("train", ["train", "instances"])
@pytest.mark.parametrize("validation", ["validation", "valid", "val"])
def test_splits_go_by_the_usual_file_names(tmp_path, train, validation):
    data = read_folder(write_folder(tmp_path, **{train: 3, validation: 2, "test": 1}))
    assert data.findings == ()
    assert sizes(data) == {"train": 3, "validation": 2, "test": 1}
    assert data.labels.class_names == ("cat", "dog")


def test_splits_without_a_file_are_left_for_cutting(tmp_path):
    assert sizes(read_folder(write_folder(tmp_path, instances=3, test=1))) == {"train": 3, "test": 1}


def test_a_folder_may_hold_triggers_only(tmp_path):
    write_pictures(tmp_path / "images", ["a.png", "b.png"])
    write_triggers(tmp_path, {"image": "a.png", "present": ["sky"]}, {"image": "b.png", "absent": ["dog"]})
    data = read_folder(tmp_path)
    assert data.findings == ()
    assert sizes(data) == {"train": 2}
    assert data.labels.class_names == ()
    assert data.labels.trigger_names == ("dog", "sky")
    assert [image.present for image in data.splits["train"]] == [{"sky"}, set()]
    closed = read_folder(tmp_path, unlisted_absent=True)
    assert [image.absent for image in closed.splits["train"]] == [{"dog"}, {"dog", "sky"}]


def test_triggers_beside_boxes_are_attached_and_unknown_pictures_named(tmp_path):
    write_folder(tmp_path, train=2, test=1)
    write_triggers(tmp_path, {"image": "test0.png", "present": ["sky"]}, {"image": "none.png"}, {"image": 3})
    data = read_folder(tmp_path)
    assert data.splits["test"][0].present == {"sky"}
    assert [finding.where.partition(": ")[2] for finding in data.findings] == ["line 3", "image 'none.png'"]


def test_a_picture_with_a_wrong_line_is_listed_all_the_same(tmp_path):
    names = ["a.png", "b.png", "c.png", "d.png"]
    write_pictures(tmp_path / "images", names)
    (tmp_path / "taxonomy.json").write_text('{"cola": "drink"}')
    write_triggers(
        tmp_path,
        {"image": "a.png", "present": ["cola"]},
        {"image": "b.png", "present": "cola"},
        {"image": "c.png", "present": ["cola"], "absent": ["drink"]},
    )
    data = read_folder(tmp_path)
    assert [(finding.kind, finding.where.rpartition(": ")[2]) for finding in data.findings] == [
        ("wrong line of triggers", "line 2"),
        ("label against the taxonomy", "image 'c.png'"),
        ("file that no label file lists", str(tmp_path / "images/d.png")),
    ]
    assert [image.file_name for image in data.splits["train"]] == ["a.png"]


def test_a_taxonomy_without_triggers_is_said_to_be_left_alone(tmp_path):
    write_folder(tmp_path, instances=2)
    (tmp_path / "taxonomy.json").write_text('{"cola": "drink"}')
    (finding,) = read_folder(tmp_path).findings
    assert (finding.severity, finding.kind) == ("warning", "label file that is not read")
    assert finding.where == str(tmp_path / "taxonomy.json") and "no triggers.jsonl" in finding.problem


def test_findings_of_every_kind_are_bounded(tmp_path):
    write_folder(tmp_path, instances=1)
    (tmp_path / "taxonomy.json").write_text('{"cola": "drink"}')
    lines = ([{"image": f"{i}"}, {"image": f"a{i}", "present": 3}] for i in range(1500))
    against = ({"image": f"b{i}", "present": ["cola"], "absent": ["drink"]} for i in range(1500))
    write_triggers(tmp_path, *(line for pair in lines for line in pair), *against)
    data = read_folder(tmp_path)
    assert {group.kind: (group.count, len(group.named)) for group in DataReport(data.findings).groups} == {
        "wrong line of triggers": (1500, 1000),
        "label against the taxonomy": (1500, 1000),
        "triggers of an unknown image": (1500, 1000),
    }


def test_nothing_is_said_of_pictures_that_broken_triggers_may_list(tmp_path):
    write_pictures(tmp_path / "images", ["a.png"])
    (tmp_path / "triggers.jsonl").write_bytes(b"\xff")
    (finding,) = read_folder(tmp_path).findings
    assert finding.where == str(tmp_path / "triggers.jsonl")


def test_nothing_is_said_of_pictures_that_a_broken_label_file_may_list(tmp_path):
    write_folder(tmp_path, train=2, test=1)
    (tmp_path / "test.json").write_text('{"images": [')
    write_triggers(tmp_path, {"image": "test0.png", "present": ["sky"]})
    (finding,) = read_folder(tmp_path).findings
    assert finding.where == str(tmp_path / "test.json")


def test_wrong_records_are_findings_and_sound_ones_stay(tmp_path):
    write_folder(tmp_path, train=3, val=2)
    edit_json(tmp_path / "train.json", lambda values: values["images"][0].update(width=0))
    (tmp_path / "val.json").write_text("{}")
    data = read_folder(tmp_path)
    assert sizes(data) == {"train": 2}
    assert [finding.severity for finding in data.findings] == ["error", "error"]
    assert str(data.findings[1]).count(str(tmp_path)) == 1


def test_other_categories_in_another_split_are_an_error(tmp_path):
    write_folder(tmp_path, train=2, val=2)
    edit_json(tmp_path / "val.json", lambda values: values["categories"].append({"id": 9, "name": "owl"}))
    data = read_folder(tmp_path)
    (finding,) = data.findings
    assert finding.where == str(tmp_path / "val.json")
    assert "categories differ" in finding.problem
    assert data.labels.class_names == ()


def test_a_second_file_for_a_split_is_said_to_be_left_alone(tmp_path):
    write_folder(tmp_path, train=2, instances=2)
    finding, *unlisted = read_folder(tmp_path).findings
    assert finding.severity == "warning"
    assert finding.where == str(tmp_path / "instances.json")
    assert [other.where for other in unlisted] == [str(tmp_path / f"images/instances{index}.png") for index in (0, 1)]


@pytest.mark.parametrize("as_file", [False, True])
def test_a_missing_picture_folder_is_one_finding(tmp_path, as_file):
    (tmp_path / "instances.json").write_text(json.dumps(coco([f"{i}.png" for i in range(50)])))
    write_triggers(tmp_path, {"image": "1.png"})
    if as_file:
        (tmp_path / "images").write_text("")
    (finding,) = read_folder(tmp_path).findings
    assert finding.where == str(tmp_path / "images")
    assert ("found a file" if as_file else "found nothing") in finding.problem
    (finding,) = read_instances(tmp_path / "images", tmp_path / "instances.json").findings
    assert finding.where == str(tmp_path / "images")


@pytest.mark.parametrize("name", ["instances.json", "triggers.jsonl"])
@pytest.mark.parametrize("content", [None, b"\xff\xfe\x80"])
def test_a_label_file_that_cannot_be_read_is_a_finding(tmp_path, name, content):
    write_folder(tmp_path, instances=3)
    path = tmp_path / name
    path.unlink(missing_ok=True)
    path.mkdir() if content is None else path.write_bytes(content)
    findings = read_folder(tmp_path).findings
    assert [finding.where for finding in findings] == [str(path)]


def test_a_folder_that_labels_nothing_is_refused_with_what_it_should_hold(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: expected a folder with images/ .* no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"found neither train\.json nor instances\.json"):
        read_folder(tmp_path)
    (tmp_path / "val.json").write_text(json.dumps(coco([])))
    with pytest.raises(DataError, match=r"found neither train\.json nor instances\.json"):
        read_folder(tmp_path)


def test_the_first_pictures_of_every_split_can_be_taken(tmp_path):
    data = read_folder(write_folder(tmp_path, train=3, test=2))
    assert data.first(0) == data
    assert sizes(data.first(1)) == {"train": 1, "test": 1}
    assert sizes(data.first(9)) == {"train": 3, "test": 2}


def test_errors_refuse_and_warnings_do_not():
    refuse_errors((Finding("warning", "here", "odd.", ""),))
    many = tuple(Finding("error", f"record {index}", "bad.", "Mend it.") for index in range(12))
    with pytest.raises(
        DataError, match=r"has 12 errors:\n  other \(12\): record 0: bad. Mend it.; .*and 9 more"
    ) as caught:
        refuse_errors(many)
    assert "record 3" not in str(caught.value)
    with pytest.raises(DataError, match="has 1 error:"):
        refuse_errors(many[:1])
