"""From drawn photos to shards, and what the next steps say when data or shards are not what they were."""

import errno
import json
import logging
import os
import shutil

import pytest
from oracles.data_folder import write_folder

from scanml.datasets import load_folder, open_shards
from scanml.errors import ArtifactError
from scanml.models.config import SceneDetectorConfig
from scanml.steps import evaluate, extract, validate
from scanml.steps.contract import Options
from scanml.steps.experiment import Experiment

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig())


@pytest.fixture(scope="module")
def validated(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("validated") / "out"
    validate.run(EXPERIMENT, {"data": world}, folder)
    return folder


@pytest.fixture(scope="module")
def extracted(world, validated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extracted") / "out"
    report = extract.run(EXPERIMENT, {"data": world, "report": validated}, folder)
    return folder, report


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("none are needed")
    return tmp_path / "model"


def test_validate_counts_what_it_saw_and_shows_it(world, validated):
    report = json.loads((validated / "report.json").read_text())
    instances = json.loads((world / "instances.json").read_text())
    assert report["verdict"]["passed"]
    assert report["facts"]["counts"]["images in train"] == len(instances["images"]) == 24
    assert report["facts"]["counts"]["boxes"] == len(instances["annotations"])
    assert [finding for finding in report["facts"]["findings"] if finding["severity"] == "error"] == []
    assert "data:image" in (validated / "page.html").read_text()


def test_warnings_are_reported_and_said(tmp_path, caplog):
    data = write_folder(tmp_path / "data", train=4, val=2, test=2)
    for name in ("stray.png", "more.png"):
        (data / "images" / name).write_bytes((data / "images" / "train0.png").read_bytes())
    with caplog.at_level(logging.WARNING, logger="scanml"):
        report = validate.run(EXPERIMENT, {"data": data}, tmp_path / "out")
    assert report.verdict.passed
    found = {group["kind"]: (group["severity"], group["count"]) for group in report.facts["findings"]}
    assert found["file that no label file lists"] == ("warning", 2)
    assert f"warning: 2 × file that no label file lists, such as {data}/images/more.png" in caplog.text
    assert (tmp_path / "out" / "page.html").stat().st_size < 5_000_000


def test_errors_are_one_reason_a_kind(tmp_path):
    data = write_folder(tmp_path / "data", train=9, val=2, test=2)
    for index in range(7):
        (data / "images" / f"train{index}.png").unlink()
    reasons = validate.run(EXPERIMENT, {"data": data}, tmp_path / "out").verdict.reasons
    assert len(reasons) == 1
    assert reasons[0].startswith("error: picture that is missing (7): image 'train0.png' (id 1): ")
    assert reasons[0].endswith("; … and 4 more")


def test_a_disk_that_fills_up_is_said_and_nothing_is_lost(world, validated, tmp_path, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in world.rglob("*")}
    place, inputs = tmp_path / "out", {"data": world, "report": validated}

    def fill(split):
        yield split.read(0)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with (
        monkeypatch.context() as patched,
        pytest.raises(ArtifactError, match=r"out: .*no space left on device") as caught,
    ):
        patched.setattr("scanml.datasets.shards._upright_bytes", fill)
        extract.run(EXPERIMENT, inputs, place)
    assert caught.value.exit_code == 2
    assert not place.exists()
    assert extract.run(EXPERIMENT, inputs, place).verdict.passed  # once there is room
    assert sum(map(len, open_shards(place / "shards"))) == 24
    assert {path: path.stat().st_mtime_ns for path in world.rglob("*")} == before


def test_extract_writes_shards_markers_and_lenses(world, extracted):
    folder, report = extracted
    assert sorted(path.name for path in folder.iterdir()) == ["lenses.json", "markers", "report.json", "shards"]
    assert (folder / "lenses.json").read_bytes() == (world / "lenses.json").read_bytes()
    names = [sorted(path.name for path in (place / "markers").iterdir()) for place in (world, folder)]
    assert names[0] == names[1] != []
    data, raw = open_shards(folder / "shards"), load_folder(world)
    assert report.facts["images"] == {split.name: len(split) for split in raw}
    assert report.facts["fingerprints"] == {split.name: split.fingerprint for split in data}
    assert sum(report.facts["images"].values()) == 24
    assert [split.image_hashes for split in data] == [split.image_hashes for split in raw]


def test_extract_refuses_data_that_nobody_validated(world, validated, tmp_path):
    changed = tmp_path / "world"
    shutil.copytree(world, changed)
    (changed / "images" / "more.txt").write_text("new")
    with pytest.raises(ArtifactError, match="written for other data") as caught:
        extract.run(EXPERIMENT, {"data": changed, "report": validated}, tmp_path / "out")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_extract_needs_the_report_of_validate(world, finish, tmp_path):
    finish(tmp_path / "other", "train")
    with pytest.raises(ArtifactError, match="expected the output of `scanml validate`"):
        extract.run(EXPERIMENT, {"data": world, "report": tmp_path / "other"}, tmp_path / "out")


def test_refused_data_are_not_extracted(tmp_path):
    data = write_folder(tmp_path / "data", instances=4)
    (data / "images" / "instances0.png").write_bytes(b"no picture")
    looked = validate.run(EXPERIMENT, {"data": data}, tmp_path / "validated")
    assert not looked.verdict.passed
    assert "instances0.png" in looked.verdict.reasons[0]
    assert (tmp_path / "validated" / "page.html").exists()
    report = extract.run(EXPERIMENT, {"data": data, "report": tmp_path / "validated"}, tmp_path / "out")
    assert not report.verdict.passed
    assert "`scanml validate` refused it: " in report.verdict.reasons[0]
    assert "instances0.png" in report.verdict.reasons[0]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]


def test_evaluate_without_shards_is_bad_input(tmp_path, model):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="expected shards written by `scanml extract`") as caught:
        evaluate.run(EXPERIMENT, {"model": model, "shards": tmp_path / "empty"}, tmp_path / "out")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_evaluate_refuses_shards_with_a_flipped_byte(tmp_path, model, extracted):
    shards = tmp_path / "extracted"
    shutil.copytree(extracted[0], shards)
    shard = shards / "shards" / "test" / "00000.shard"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    report = evaluate.run(EXPERIMENT, {"model": model, "shards": shards}, tmp_path / "out", Options())
    assert not report.verdict.passed
    assert "00000.shard: differs from its checksum" in report.verdict.reasons[0]
    assert report.verdict.reasons[0].endswith("Then evaluate with --fresh.")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]
