"""The loop: the same end every time, also after a kill; refusals; what lies on disk."""

import json
import os
import signal

import numpy as np
import pytest

from scanml.errors import ArtifactError, GateError
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.tracking import NullTracker
from scanml.training import TrainConfig, load_model, train
from scanml.training.checkpoint import read_header

DETECTOR = SceneDetectorConfig(size="tiny", image_size=(64, 64))
CLASSIFIER = SceneClassifierConfig(size="tiny", image_size=(64, 64))
CONFIG = TrainConfig(steps=6, batch_size=2, log_every=2, checkpoint_every=4)


class Signaller(NullTracker):
    """Sends this process a signal when the numbers of update `step` come in."""

    def __init__(self, number, *, step):
        self.number, self.step = number, step

    def log_metrics(self, values, *, step):
        if step == self.step:
            os.kill(os.getpid(), self.number)


def weights(folder):
    with np.load(folder / "checkpoint" / "state.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files if name != "header"}


def steps_in(history):
    return [json.loads(line)["step"] for line in history.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data):
    """A training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    train(DETECTOR, data, config=CONFIG, out=folder)
    return folder


@pytest.mark.parametrize(("number", "left"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_stopped_training_goes_on_and_ends_bit_equal(tmp_path, data, whole, number, left):
    with pytest.raises(left) as stopped:
        train(DETECTOR, data, config=CONFIG, out=tmp_path, tracker=Signaller(number, step=2))
    if left is SystemExit:
        assert stopped.value.code == 143
    assert read_header(tmp_path / "checkpoint").step == 2
    train(DETECTOR, data, config=CONFIG, out=tmp_path)
    ours, theirs = weights(tmp_path), weights(whole)
    assert ours.keys() == theirs.keys()
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)  # bit for bit: no tolerance
    assert steps_in(tmp_path / "history.jsonl") == [2, 4, 6]


def test_a_finished_training_keeps_the_model_alone_and_is_loaded(whole, data):
    header = read_header(whole / "checkpoint")
    assert header.finished and header.step == CONFIG.steps
    assert header.trained_on == tuple(data.train.image_hashes)
    assert all(name.startswith("average/") for name in weights(whole))
    again = train(DETECTOR, data, config=CONFIG, out=whole)
    assert again.count_params() == load_model(whole / "checkpoint").count_params()
    assert steps_in(whole / "history.jsonl") == [2, 4, 6]


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"seed": 1}, "another train"), ({"learning_rate": 0.1}, "another train")],
)
def test_a_folder_of_another_training_is_refused(whole, data, changed, message):
    config = TrainConfig(**(vars(CONFIG) | changed))
    with pytest.raises(ArtifactError, match=message):
        train(DETECTOR, data, config=config, out=whole)


def test_a_loss_that_is_not_finite_stops(tmp_path, data):
    config = TrainConfig(**(vars(CONFIG) | {"learning_rate": 1e30, "clip_norm": 1e30, "warmup_steps": 0}))
    with pytest.raises(GateError, match=r"the loss is (nan|inf) at update \d+: .*learning_rate"):
        train(DETECTOR, data, config=config, out=tmp_path)


def test_a_classifier_is_calibrated_on_validation(tmp_path, data):
    model = train(CLASSIFIER, data, config=CONFIG, out=tmp_path)
    temperature = float(model.calibration.temperature)
    thresholds = np.asarray(model.calibration.thresholds)
    assert temperature != 1.0 and 0.05 <= temperature <= 20
    assert ((thresholds > 0) & (thresholds < 1)).all()
    shown = sum(data.train.trigger_arrays(index)[0] for index in range(len(data.train)))
    np.testing.assert_array_equal(np.asarray(model.calibration.positives), shown)
    loaded = load_model(tmp_path / "checkpoint")
    assert float(loaded.calibration.temperature) == temperature
    np.testing.assert_array_equal(np.asarray(loaded.calibration.positives), shown)
