"""Which files make which splits, and what is said of a folder that is not as it should be."""

import json

import pytest
from oracles.data_folder import coco, edit_json, write_folder, write_pictures

from scanml.datasets.folder import read_folder, read_instances, refuse_errors
from scanml.errors import DataError
from scanml.structures import Finding


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
