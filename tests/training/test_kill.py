"""kill -9 at a moment that nobody chose; the same command goes on, and the end is the same bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from scanml.datasets import write_shards
from scanml.training.checkpoint import FILE, read_header

TESTS = Path(__file__).parents[1]
SCRIPT = """
import sys
from pathlib import Path
from scanml.datasets import open_shards
from scanml.models.config import SceneDetectorConfig
from scanml.training import TrainConfig, train
model = SceneDetectorConfig(size="tiny", image_size=(64, 64))
config = TrainConfig(steps=120, batch_size=2, log_every=10, checkpoint_every=6, updates_per_call=2)
train(model, open_shards(Path(sys.argv[1])), config=config, out=sys.argv[2])
"""


def begin(shards, out):
    environment = os.environ | {"PYTHONPATH": str(TESTS.parent), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(shards), str(out)], env=environment)


def kill_after_a_checkpoint(process, path, *, delay):
    """Kill `process` some seconds after it wrote its first checkpoint of this run."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    while not path.exists() or path.stat().st_mtime_ns == before:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_a_training_killed_twice_ends_bit_equal(tmp_path, data):
    shards, killed, whole = (tmp_path / name for name in ("shards", "killed", "whole"))
    for split in data:
        write_shards(split, shards / split.name, shard_megabytes=64)
    undisturbed = begin(shards, whole)
    moments = random.Random(0)
    for _ in range(2):
        kill_after_a_checkpoint(begin(shards, killed), killed / "checkpoint" / FILE, delay=moments.uniform(0, 0.3))
    assert 0 < read_header(killed / "checkpoint").step < 120
    assert begin(shards, killed).wait() == 0
    assert undisturbed.wait() == 0
    with np.load(killed / "checkpoint" / FILE) as ours, np.load(whole / "checkpoint" / FILE) as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert (killed / "history.jsonl").read_text().count("\n") == 12
