"""From files to splits: what is refused, what is cut, what a limit spares."""

import json
import shutil

import cv2
import numpy as np
import pytest
from oracles.data_folder import coco, edit_json, picture, write_folder, write_pictures

from scanml.datasets import DataConfig, load_coco, load_folder, validate_folder
from scanml.datasets import scan as scan_module
from scanml.errors import DataError


def names(split):
    return [record.file_name for record in split.records]


def test_one_coco_file_becomes_three_splits(tmp_path):
    write_folder(tmp_path, instances=20)
    data = load_coco(tmp_path / "images", tmp_path / "instances.json")
    assert [split.name for split in data] == ["train", "validation", "test"]
    together = [name for split in data for name in names(split)]
    assert sorted(together) == sorted(f"instances{index}.png" for index in range(20))
    assert data.train.labels.class_names == ("cat", "dog")
    example = data.train.detection(0)
    assert example.boxes.xyxy.tolist() == [[5, 6, 25, 16]]


def test_given_splits_are_kept_and_missing_ones_are_cut_from_train(tmp_path):
    write_folder(tmp_path, train=12, val=3)
    data = load_folder(tmp_path)
    assert names(data.validation) == ["val0.png", "val1.png", "val2.png"]
    assert len(data.train) + len(data.test) == 12
    assert len(data.test) >= 1


def test_a_given_split_is_kept_in_order(tmp_path):
    data = load_folder(write_folder(tmp_path, train=4, val=2, test=2))
    assert names(data.train) == [f"train{index}.png" for index in range(4)]


def test_copies_of_a_picture_never_cross_the_cut(tmp_path):
    write_folder(tmp_path, instances=8)
    for index in range(8):
        shutil.copy(tmp_path / f"images/instances{index}.png", tmp_path / f"images/copy{index}.png")
    listed = [f"{kind}{index}.png" for kind in ("instances", "copy") for index in range(8)]
    (tmp_path / "instances.json").write_text(json.dumps(coco(listed)))
    for split in load_folder(tmp_path):
        kinds = {kind: {name[-5] for name in names(split) if name.startswith(kind)} for kind in ("instances", "copy")}
        assert kinds["instances"] == kinds["copy"]


def test_plain_pictures_are_spread_over_the_splits(tmp_path):
    (tmp_path / "images").mkdir()
    listed = [f"{gray}.png" for gray in range(200)]
    for gray, name in enumerate(listed):
        cv2.imwrite(str(tmp_path / "images" / name), np.full((8, 8, 3), gray, np.uint8))
    (tmp_path / "instances.json").write_text(json.dumps(coco(listed, size=(8, 8), box=(1, 1, 5, 5))))
    data = load_folder(tmp_path)
    assert min(map(len, data)) > 20  # of 40 that are expected: four standard deviations


def test_near_copies_of_a_picture_never_cross_the_cut(tmp_path):
    (tmp_path / "images").mkdir()
    listed = []
    for index in range(8):
        large = picture(index, (400, 600))
        for kind, size, quality in (("a", (600, 400), 95), ("b", (300, 200), 80), ("c", (450, 300), 60)):
            listed.append(f"{kind}{index}.jpg")
            small = cv2.resize(large, size, interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(tmp_path / "images" / listed[-1]), small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    lines = [json.dumps({"image": name, "present": ["sky"]}) for name in listed]
    (tmp_path / "triggers.jsonl").write_text("\n".join(lines))
    places = {name: split.name for split in load_folder(tmp_path) for name in names(split)}
    assert len(set(places.values())) == 3
    assert all(len({places[f"{kind}{index}.jpg"] for kind in "abc"}) == 1 for index in range(8))


def test_a_near_copy_across_given_splits_refuses(tmp_path):
    write_folder(tmp_path, train=4, val=2, test=2)
    changed = picture(0)
    changed[:3, :3] ^= 1
    cv2.imwrite(str(tmp_path / "images/test1.png"), changed[..., ::-1])
    with pytest.raises(
        DataError, match=r"near-duplicate in two splits \(1\): image 'test1\.png' in test: .*'train0\.png'"
    ):
        load_folder(tmp_path)


def test_a_copy_across_given_splits_refuses_and_within_one_warns(tmp_path):
    write_folder(tmp_path, train=4, val=2, test=2)
    shutil.copy(tmp_path / "images/train0.png", tmp_path / "images/train1.png")
    load_folder(tmp_path)
    assert "same picture within a split" in {finding.kind for finding in validate_folder(tmp_path).findings}
    shutil.copy(tmp_path / "images/train0.png", tmp_path / "images/test1.png")
    with pytest.raises(DataError, match=r"'test1\.png' in test: is the same picture as 'train0\.png' in train"):
        load_folder(tmp_path)


def test_pictures_without_boxes_can_be_loaded(tmp_path):
    edit_json(write_folder(tmp_path, instances=5) / "instances.json", lambda values: values.update(annotations=[]))
    assert load_folder(tmp_path).train.detection(0).boxes.xyxy.shape == (0, 4)


def test_an_empty_train_file_is_refused(tmp_path):
    write_folder(tmp_path, train=0, val=2, test=2)
    (tmp_path / "images").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="the train split is empty"):
        load_folder(tmp_path)


@pytest.mark.parametrize("load", [load_folder, validate_folder])
def test_a_limit_spares_the_other_pictures_even_a_look(tmp_path, monkeypatch, load):
    write_folder(tmp_path, train=9, val=5)
    (tmp_path / "triggers.jsonl").write_text('{"image": "train8.png", "present": ["sky"]}\n')
    opened = []
    read = scan_module.read_bytes
    monkeypatch.setattr(scan_module, "read_bytes", lambda path: opened.append(path.name) or read(path))
    load(tmp_path, config=DataConfig(limit=4))
    assert sorted(opened) == [f"train{i}.png" for i in range(4)] + [f"val{i}.png" for i in range(4)]


def test_a_limit_counts_the_pictures_that_splits_are_cut_from(tmp_path):
    write_folder(tmp_path, instances=9)
    data = load_coco(tmp_path / "images", tmp_path / "instances.json", config=DataConfig(limit=5))
    assert sorted(name for split in data for name in names(split)) == [f"instances{i}.png" for i in range(5)]


def test_a_limit_does_not_make_names_unknown(tmp_path):
    write_pictures(tmp_path / "images", [f"{i}.png" for i in range(6)])
    lines = [{"image": f"{i}.png", "present": ["sky" if i % 2 else "sea"]} for i in range(6)]
    (tmp_path / "triggers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = load_folder(tmp_path, config=DataConfig(limit=4))
    assert sum(map(len, data)) == 4
    assert data.train.labels.trigger_names == ("sea", "sky")


@pytest.mark.parametrize("wrong", ["images", "instances.json"])
def test_no_bare_file_error_reaches_the_user(tmp_path, wrong):
    write_folder(tmp_path, instances=4)
    shutil.rmtree(tmp_path / "images") if wrong == "images" else (tmp_path / wrong).write_bytes(b"\xff\xfe\x80")
    with pytest.raises(DataError, match=wrong):
        load_folder(tmp_path)
    with pytest.raises(DataError, match=wrong):
        load_coco(tmp_path / "images", tmp_path / "instances.json")
    assert wrong in str(validate_folder(tmp_path).errors[0])
