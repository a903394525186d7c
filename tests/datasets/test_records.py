"""A split reads its pictures when asked, and only those that were recorded."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.data_folder import write_folder

from scanml.datasets import DataSet, Split, load_folder
from scanml.datasets.records import data_set
from scanml.errors import DataError


@pytest.fixture
def data(tmp_path):
    root = write_folder(tmp_path, train=4, val=1, test=1)
    (root / "triggers.jsonl").write_text('{"image": "train1.png", "present": ["sky"], "absent": ["sea"]}\n')
    return load_folder(root)


def changed(split, **fields):
    """The split with other values in its second record."""
    records = list(split.records)
    records[1] = replace(records[1], **fields)
    return Split(split.name, split.labels, records, split.read)


def test_examples_come_with_their_truth(data):
    example = data.train.detection(0)
    assert example.frame.frame_id == "train0.png"
    assert example.boxes.image_size == example.frame.size == (40, 60)
    assert example.labels.tolist() == [1]
    scene = data.train.scene(1)
    assert data.train.labels.trigger_names == ("sea", "sky")
    assert scene.present.tolist() == [False, True]
    assert scene.known.tolist() == [True, True]
    assert data.train.scene(0).known.tolist() == [False, False]


def test_hashes_and_ids_are_in_order(data):
    assert list(data.train.image_ids) == [1, 2, 3, 4]
    assert list(data.train.image_hashes) == [record.pixel_hash for record in data.train.records]


def test_a_file_that_changed_since_is_refused_by_name(data, tmp_path):
    (tmp_path / "images/train0.png").write_bytes((tmp_path / "images/train1.png").read_bytes())
    with pytest.raises(DataError, match=r"train\[0\] train0\.png: .* changed since"):
        data.train.frame(0)


@pytest.mark.parametrize(
    "fields",
    [
        {"pixel_hash": "0" * 16},
        {"image_id": 9},
        {"xyxy": ((5.0, 6.0, 25.0, 17.0),)},
        {"labels": (1,)},
        {"crowd": (True,)},
        {"present": ()},
        {"absent": ()},
    ],
)
def test_the_fingerprint_changes_with_any_truth(data, fields):
    assert changed(data.train, **fields).fingerprint != data.train.fingerprint
    assert changed(data.train).fingerprint == data.train.fingerprint


def test_the_first_records_can_be_taken(data):
    assert list(data.train.first(2).image_ids) == [1, 2]
    np.testing.assert_array_equal(data.train.first(2).frame(1).pixels, data.train.frame(1).pixels)
    assert data.train.first(0) is data.train
    assert len(data.train.first(99)) == 4


def test_a_data_set_goes_through_its_splits_and_draws_itself(data):
    assert [split.name for split in data] == ["train", "validation", "test"]
    assert "<td>train<td>4<td>4" in data._repr_html_()
    assert "<td>train<td>4<td>4<td>2<" in data.train._repr_html_()


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_an_empty_split_is_refused_by_name(data, name):
    splits = {split.name: split for split in data}
    assert isinstance(data_set(splits), DataSet)
    empty = Split(name, data.train.labels, [], data.train.read)
    for wrong in (splits | {name: empty}, {key: split for key, split in splits.items() if key != name}):
        with pytest.raises(DataError, match=f"the {name} split is empty"):
            data_set(wrong)
