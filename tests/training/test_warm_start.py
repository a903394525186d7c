import logging
from dataclasses import replace

import numpy as np
import pytest
from oracles.tiny_training import CONFIGS, LABELS

from scanml.errors import ModelError
from scanml.models.build import build_model
from scanml.structures import LabelSpace
from scanml.training.warm_start import begin_with


def equal(model, other):
    """By layer: whether the first weight is the same in both."""
    pairs = zip(model.weights, other.weights, strict=True)
    return {a.path: a.shape == b.shape and bool((np.asarray(a) == np.asarray(b)).all()) for a, b in pairs}


@pytest.fixture
def trained():
    model = build_model(CONFIGS["detector"], LABELS)
    for variable in model.weights:
        variable.assign(np.full(variable.shape, 0.25))
    return model


def test_the_same_classes_take_everything(trained):
    model = build_model(CONFIGS["detector"], LABELS)
    begin_with(model, trained)
    assert all(equal(model, trained).values())


@pytest.mark.parametrize("classes", [("a", "b", "c"), ("pen", "cup")])
def test_other_classes_keep_a_new_last_layer(trained, classes, caplog):
    model = build_model(CONFIGS["detector"], LabelSpace(classes, tuple(range(len(classes)))))
    with caplog.at_level(logging.INFO):
        begin_with(model, trained)
    new = {path for path, same in equal(model, trained).items() if not same}
    assert {path.split("/")[-2] for path in new} == {"class"}
    assert "new: " in caplog.text and "class" in caplog.text


def test_a_model_of_another_kind_is_refused(trained):
    other = build_model(replace(CONFIGS["classifier"], size="base"), LABELS)
    with pytest.raises(ModelError, match=r"expected a classifier of \d+ weights, received a detector"):
        begin_with(other, trained)
