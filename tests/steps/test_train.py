"""What a training reads and keeps: pictures for the export, another training's weights, an unfinished one's state."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scanml.datasets import write_shards
from scanml.datasets.records import Split
from scanml.errors import ArtifactError
from scanml.models import SceneDetectorConfig
from scanml.steps import Experiment, train
from scanml.steps.report import read_report
from scanml.training import TrainConfig, checkpoint
from scanml.training import self_test as tests


class Pictures:
    """As many encoded pictures as are asked for, each of one size."""

    def __init__(self, count, size):
        self.read = lambda index: bytes([index]) * size
        self.count = count

    def __len__(self):
        return self.count


@pytest.mark.parametrize(("count", "size", "kept"), [(3, 10, 3), (150, 10, 100), (9, 30 << 20, 2), (2, 99 << 20, 1)])
def test_a_hundred_pictures_are_kept_or_as_many_as_fit(tmp_path, count, size, kept):
    train._keep_samples(Pictures(count, size), tmp_path / "samples")
    files = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in files] == [f"{index:02d}" for index in range(kept)]
    assert files[-1].read_bytes()[:1] == bytes([kept - 1])


DETECTOR = SceneDetectorConfig(size="tiny", image_size=(64, 64))
EXPERIMENT = Experiment(
    name="tiny", detector=DETECTOR, train=TrainConfig(steps=4, batch_size=2, log_every=2, checkpoint_every=2)
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("extract")
    for split in data:
        write_shards(split, folder / "shards" / split.name, shard_megabytes=64)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shards):
    out = tmp_path_factory.mktemp("trained") / "out"
    train.run(EXPERIMENT, {"shards": shards}, out)
    return out


def weights(out):
    with np.load(out / "checkpoint" / "state.npz") as stored:
        return {name: stored[name] for name in stored.files if name.startswith("average")}


def stop_at(monkeypatch, step):
    """Let every training stop after update `step`, as a killed one would have stood."""

    class KilledError(Exception):
        pass

    def save(writer, header, arrays):
        checkpoint.save(writer.folder, header, arrays)
        if header.step == step:
            raise KilledError

    monkeypatch.setattr(checkpoint.Writer, "save", save)
    return KilledError


def test_an_unfinished_training_from_elsewhere_goes_on_to_the_same_end(tmp_path, shards, trained, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(stop_at(patched, 2)):
        train.run(EXPERIMENT, {"shards": shards}, tmp_path / "first")
    left = tmp_path / "first.partial"
    train.run(EXPERIMENT, {"shards": shards, "checkpoint": left}, tmp_path / "second")
    ours, theirs = weights(tmp_path / "second"), weights(trained)
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    lines = (tmp_path / "second" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4]


def test_a_training_of_other_settings_is_refused_and_the_mistake_can_be_mended(tmp_path, shards, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(stop_at(patched, 2)):
        train.run(EXPERIMENT, {"shards": shards}, tmp_path / "first")
    inputs = {"shards": shards, "checkpoint": tmp_path / "first.partial"}
    longer = replace(EXPERIMENT, train=replace(EXPERIMENT.train, steps=6))
    with pytest.raises(ArtifactError, match=r"another train \(steps: 4 there, 6 here\)"):
        train.run(longer, inputs, tmp_path / "out")
    assert train.run(EXPERIMENT, inputs, tmp_path / "out").verdict.passed


def test_it_begins_with_the_weights_of_another_training(tmp_path, shards, trained):
    report = train.run(EXPERIMENT, {"shards": shards, "init": trained}, tmp_path / "out")
    assert report.inputs.keys() == {"shards", "init"}
    header = checkpoint.read_header(tmp_path / "out" / "checkpoint")
    assert header.init and not checkpoint.read_header(trained / "checkpoint").init
    ours, theirs = weights(tmp_path / "out"), weights(trained)
    assert any((ours[name] != theirs[name]).any() for name in ours)


def test_a_folder_without_a_training_is_refused(tmp_path, shards):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match=r"expected a training with checkpoint/state\.npz, found none"):
        train.run(EXPERIMENT, {"shards": shards, "checkpoint": tmp_path / "empty"}, tmp_path / "out")


def test_doubts_are_in_the_report(tmp_path, data, trained):
    assert not any("the class" in doubt for doubt in read_report(trained).facts["doubts"])
    name = data.train.labels.class_names[0]
    for split in data:
        unlabelled = [replace(r, labels=tuple(max(label, 1) for label in r.labels)) for r in split.records]
        other = Split(split.name, split.labels, unlabelled, split.read)
        write_shards(other, tmp_path / "in" / "shards" / split.name, shard_megabytes=64)
    report = train.run(EXPERIMENT, {"shards": tmp_path / "in"}, tmp_path / "out")
    assert f"the class {name!r} has no box in the training split" in report.facts["doubts"][0]


def test_the_self_test_leaves_a_page_and_no_model(tmp_path, shards, monkeypatch):
    monkeypatch.setattr(tests, "UPDATES", 2)
    report = train.self_test(EXPERIMENT, {"shards": shards}, tmp_path / "out")
    assert not report.verdict.passed
    assert "at least 0.8 was expected" in report.verdict.reasons[0]
    assert (tmp_path / "out" / "page.html").exists() and not (tmp_path / "out" / "checkpoint").exists()
