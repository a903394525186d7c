"""A training on an object store, killed for real, goes on on an empty disk and ends bit-equal to one never killed."""

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from scanml.steps import extract, load_experiment, read_report, validate
from scanml.steps.store import Store

EXPERIMENT = """
from scanml.models import SceneDetectorConfig
from scanml.steps import Experiment
from scanml.training import TrainConfig

def config():
    train = TrainConfig(steps=80, batch_size=2, checkpoint_every=10, log_every=10)
    return Experiment(name="trial", detector=SceneDetectorConfig(size="tiny", image_size=(64, 64)), train=train)
"""
CHECKPOINT = "work/checkpoint/state.npz"
PATIENCE_SECONDS = 600  # only a process that hangs needs so long, also on a busy machine


@pytest.fixture
def shards(tmp_path, world):
    (tmp_path / "trial.py").write_text(EXPERIMENT)
    experiment = load_experiment(tmp_path / "trial.py")
    validate.run(experiment, {"data": world}, tmp_path / "validate")
    extract.run(experiment, {"data": world, "report": tmp_path / "validate"}, tmp_path / "extract")
    return tmp_path / "extract"


@contextmanager
def training(shards, out, folder):
    words = ["train", "--config", str(folder / "trial.py"), "--in", f"shards={shards}", "--out", str(out)]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-m", "scanml", *words], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_killed_and_resumed_on_an_empty_disk_it_ends_bit_equal(bucket, shards, tmp_path):
    files = {path.relative_to(shards).as_posix(): path for path in shards.rglob("*") if path.is_file()}
    Store(f"{bucket}/extract").upload(files)
    out, partial = f"{bucket}/train", Store(f"{bucket}/train.partial")
    with training(f"{bucket}/extract", out, tmp_path) as process:
        wait_for_checkpoints(partial, 2, process)
        process.kill()
    assert Store(out).listing() == {} and CHECKPOINT in partial.listing(), (tmp_path / "log").read_text()
    shutil.rmtree(tmp_path / "scratch")
    partial.delete(["lock/000001"])  # as if the minute had passed that the next process waits for a sign of it
    with (
        training(f"{bucket}/extract", out, tmp_path) as resumed,
        training(shards, tmp_path / "never", tmp_path) as never,
    ):
        assert (resumed.wait(), never.wait()) == (0, 0), (tmp_path / "log").read_text()
    Store(out).download(Store(out).listing(), tmp_path / "resumed")
    assert read_report(tmp_path / "resumed").attempts == 2
    assert read_report(tmp_path / "resumed").fingerprint == read_report(tmp_path / "never").fingerprint
    ends = [np.load(tmp_path / name / "checkpoint" / "state.npz") for name in ("resumed", "never")]
    assert ends[0].files == ends[1].files
    for name in ends[0].files:
        np.testing.assert_array_equal(ends[0][name], ends[1][name])
    steps = [line.split('"step": ')[1].split(",")[0] for line in _lines(tmp_path / "resumed" / "history.jsonl")]
    assert steps == [str(step) for step in range(10, 90, 10)]  # none twice, none lost


def wait_for_checkpoints(partial, count, process):
    seen, until = set(), time.monotonic() + PATIENCE_SECONDS
    while len(seen) < count:
        assert process.poll() is None and time.monotonic() < until, f"{len(seen)} checkpoints"
        time.sleep(0.02)
        if (stored := partial.listing().get(CHECKPOINT)) is not None:
            seen.add(stored.version)


def _lines(path: Path):
    return path.read_text().splitlines()
