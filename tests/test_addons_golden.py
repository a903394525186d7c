"""What people used from tensorflow-addons and our models need: the same numbers as the real addons 0.23.0 gave.

The settings are those that the recorded numbers were made with; `fixtures/README.md` says where they come from.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

from scanml.losses import generalized_iou_loss
from scanml.metrics import TriggerTable, f1, multilabel_metrics
from scanml.training import TrainConfig
from scanml.training.optimizer import AdamW, average_rate
from scanml.training.packing import Packing

FLOAT32 = 3e-6  # both sides compute in float32, on numbers of order 1


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "fixtures" / "addons_golden.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def test_giou_loss(golden):
    """addons' boxes are y, x, y, x: IoU does not mind."""
    found = generalized_iou_loss(golden["GIoU/a"], golden["GIoU/b"])
    np.testing.assert_allclose(np.asarray(found), golden["GIoU/giou"], rtol=0, atol=FLOAT32)


def test_sigmoid_focal_cross_entropy_is_keras_binary_focal_times_classes(golden):
    truth, probabilities = golden["SigmoidFocal/y"], golden["SigmoidFocal/p"]
    loss = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, reduction="none")
    found = np.asarray(loss(truth, probabilities)) * truth.shape[-1]  # addons sums the last axis, Keras averages it
    np.testing.assert_allclose(found, golden["SigmoidFocal/out"], rtol=0, atol=FLOAT32)


def test_adamw_with_decay_divided_by_the_rate(golden):
    """addons' decay of 0.01 is not multiplied by its rate of 0.01; ours, as Keras's, is."""
    config = TrainConfig(learning_rate=0.01, weight_decay=0.01 / 0.01, warmup_steps=0, final_rate=1.0, clip_norm=1e9)
    image = keras.Input((6,))
    model = keras.Model(image, keras.layers.Dense(4)(image))
    kernel, bias = model.trainable_variables
    kernel.assign(golden["opt/x0"])
    packing, optimizer = Packing(model), AdamW(config)
    weights, _ = packing.read()
    state = {"weights": weights} | optimizer.start(weights)
    for gradient, expected in zip(golden["opt/grads"], golden["opt/AdamW/traj"], strict=True):
        state = optimizer.update(state, packing.weights([gradient, np.zeros(bias.shape, np.float32)]))
        found = packing.trainable_values(state["weights"])[0]
        np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=FLOAT32)


def test_moving_average_with_dynamic_decay(golden):
    average = golden["opt/x0"]
    for step, weights in enumerate(golden["opt/MovingAverage_dyn/traj"]):
        average = average + float(average_rate(step, 0.99)) * (weights - average)
    np.testing.assert_allclose(average, golden["opt/MovingAverage_dyn/final"], rtol=0, atol=FLOAT32)


def test_f1_of_each_label_and_their_mean(golden):
    present, scores = golden["met/yt"].astype(bool), golden["met/yp"].astype(np.float64)
    found = [f1(*column, threshold=0.5) for column in zip(scores.T, present.T, strict=True)]
    np.testing.assert_allclose(found, golden["met/F1_thr.5/None/out"], rtol=0, atol=FLOAT32)
    names = tuple("abcde")
    table = TriggerTable(names, scores, present, np.ones_like(present))
    macro = multilabel_metrics(table, thresholds=0.5, num_resamples=2)["F1"].value
    assert macro == pytest.approx(float(golden["met/F1_thr.5/macro/out"]), abs=FLOAT32)
