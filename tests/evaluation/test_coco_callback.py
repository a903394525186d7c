"""COCO's numbers during `fit`: those of pycocotools, where callbacks look for them."""

import keras
import numpy as np
import pytest
from oracles.coco import NAMES, coco_evaluation
from oracles.fake_reader import FakeExamples, FakeReader
from oracles.random_scenes import random_scene
from oracles.tiny_scene import tiny_model

from scanml.errors import ConfigError, DataError, ModelError
from scanml.evaluation import CocoCallback, collect
from scanml.metrics import ImageTruth
from scanml.structures import Boxes

CLASSES = ("class 0", "class 1", "class 2")


@pytest.fixture
def scene(rng):
    """(examples, detections) of a detector that is sometimes right."""
    truths, found = random_scene(rng, num_images=8)
    return FakeExamples(CLASSES, tuple(ImageTruth(t.boxes, t.labels, t.crowd) for t in truths)), found


def answer_in_turn(detections, *, rng=None):
    """`find` for pictures that come in order, once or again and again; shuffled within each if `rng` is given."""
    waiting = []

    def find(pictures):
        waiting.extend(detections if not waiting else ())
        for _ in pictures:
            one = waiting.pop(0)
            order = np.arange(len(one)) if rng is None else rng.permutation(len(one))
            yield one.boxes.xyxy[order], one.scores[order], one.labels[order]

    return find


def fit(callbacks, *, epochs=1):
    """An almost empty model of anybody's in Keras's `fit`."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model.fit(np.zeros((2, 1)), np.zeros((2, 1)), epochs=epochs, callbacks=callbacks, verbose=0).history


def test_the_numbers_are_those_of_pycocotools(scene, rng):
    examples, detections = scene
    history = fit([CocoCallback(examples, find=answer_in_turn(detections, rng=rng))])
    expected, _ = coco_evaluation(examples.truths, [d.above(0.001) for d in detections], num_classes=3)
    defined = [name for name in NAMES if not np.isnan(expected[name])]
    assert {"AP", "AP50", "AR100"} <= set(defined)
    assert {name for name in history if name.startswith("val_")} == {f"val_{name}" for name in defined}
    for name in defined:
        assert history[f"val_{name}"] == [pytest.approx(expected[name], abs=1e-12)]


def test_early_stopping_and_checkpoints_see_them(scene, tmp_path):
    examples, detections = scene
    watching = [
        keras.callbacks.EarlyStopping(monitor="val_AP", mode="max", patience=2),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "val_AP50", mode="max", save_best_only=True),
    ]
    history = fit([CocoCallback(examples, find=answer_in_turn(detections)), *watching], epochs=9)
    assert len(history["val_AP"]) == 3  # never better than at first: stopped after two more
    assert [path.name for path in tmp_path.iterdir()] == ["1.keras"]


def test_it_measures_every_few_epochs(scene):
    examples, detections = scene
    history = fit([CocoCallback(examples, find=answer_in_turn(detections), every=2)], epochs=5)
    assert len(history["val_AP"]) == 2 and len(history["loss"]) == 5


def test_our_own_detector_is_asked_by_itself(rng):
    model = tiny_model(classifier=False)
    size = (64, 96)
    boxes = Boxes([[8, 8, 40, 40], [50, 10, 90, 60]], size)
    examples = FakeExamples(
        model.labels.class_names, tuple(ImageTruth(boxes, [0, label], [False, False]) for label in range(3)), size=size
    )
    callback = CocoCallback(examples)
    callback.set_model(model.detector)
    callback.on_train_begin()
    logs = {"loss": 1.0}
    callback.on_epoch_end(0, logs)
    expected = collect(model, examples).found.matches.summarize()
    assert logs.pop("loss") == 1.0
    assert logs == pytest.approx({f"val_{name}": value for name, value in expected.items() if not np.isnan(value)})


def test_the_model_is_that_of_this_training(scene):
    callback = CocoCallback(scene[0])
    asked = []
    for _ in range(2):
        reader = FakeReader(CLASSES, scene[1])
        callback.set_model(reader)
        callback.on_train_begin()
        callback.on_epoch_end(0, {})
        asked.append(sum(reader.batches))
    assert asked == [8, 8]


def test_another_model_needs_find_and_is_refused_before_it_trains(scene):
    seen = []
    told = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: seen.append(batch))
    with pytest.raises(ModelError, match="expected a SceneDetector"):
        fit([CocoCallback(scene[0]), told])
    callback = CocoCallback(scene[0])
    callback.set_model(FakeReader(trigger_names=("sky",)))
    with pytest.raises(ModelError, match="received a model without classes"):
        callback.on_train_begin()
    assert not seen


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ([([[0, 0, 5, 5]], [7.0], [0])] * 8, DataError, r"scores must lie in \[0, 1\]"),
        ([([[0, 0, 5, 5]], [0.7], [3])] * 8, DataError, r"labels must lie in 0…2"),
        ([([[5, 5, 0, 0]], [0.7], [0])] * 8, DataError, "left <= right"),
        ([], ModelError, "one answer per picture, received 0 for 8"),
        ([([[0, 0, 5, 5]], [0.7], [0])] * 9, ModelError, "one answer per picture, received 9 for 8"),
    ],
)
def test_a_wrong_answer_is_named(scene, answer, error, said):
    with pytest.raises(error, match=said):
        fit([CocoCallback(scene[0], find=lambda pictures: answer)])


def test_no_objects_at_all_cost_nothing_but_the_score(scene):
    nothing = np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)
    history = fit([CocoCallback(scene[0], find=lambda pictures: [nothing] * len(pictures))])
    assert history["val_AP"] == [0.0]


def test_what_it_cannot_work_with_is_refused(scene):
    with pytest.raises(ConfigError, match="every must be at least 1, received 0"):
        CocoCallback(scene[0], every=0)
    with pytest.raises(ConfigError, match="without classes"):
        CocoCallback(FakeExamples())
