import logging
import math

import numpy as np
import pytest

from scanml.errors import GateError
from scanml.training import TrainConfig
from scanml.training.numbers import Numbers

NAMES = ("loss", "truths", "truths_without_location")


class Lines:
    """A tracker that keeps what it is told."""

    def __init__(self):
        self.rows = []

    def log_metrics(self, values, *, step):
        self.rows.append((step, values))


def rows(*losses, truths=10.0, lost=0.0):
    return np.array([[loss, truths, lost] for loss in losses], np.float32)


@pytest.fixture
def lines():
    return Lines()


def numbers(lines, **settings):
    return Numbers(lines, TrainConfig(steps=10, batch_size=2, log_every=4, **settings))


def test_a_line_is_the_mean_of_the_updates_since_the_last(lines):
    here = numbers(lines)
    returned = [here.add(rows(loss), NAMES, step=step) for step, loss in enumerate(range(1, 11), 1)]
    assert [(step, values["loss"]) for step, values in lines.rows] == [(4, 2.5), (8, 6.5), (10, 9.5)]
    assert [value for value in returned if value is not None] == [2.5, 6.5, 9.5]
    assert all(values["images_per_second"] > 0 for _, values in lines.rows)


def test_calls_of_several_updates_write_where_they_pass_a_multiple(lines):
    here = numbers(lines, updates_per_call=3)
    for step in (3, 6, 9, 10):
        here.add(rows(*range(step - 2, step + 1)) if step < 10 else rows(10), NAMES, step=step)
    assert [(step, values["loss"]) for step, values in lines.rows] == [(6, 3.5), (9, 8.0), (10, 10.0)]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_named_with_its_update(lines, loss):
    here = numbers(lines)
    here.add(rows(1.0), NAMES, step=5)
    with pytest.raises(GateError, match=r"the loss is (nan|inf) at update 7: training stopped"):
        here.add(rows(1.0, loss, 1.0), NAMES, step=8)
    assert lines.rows == []


def test_truths_that_teach_nothing_are_said_once(lines, caplog):
    here = numbers(lines)
    with caplog.at_level(logging.WARNING):
        here.add(rows(1.0, lost=0.0), NAMES, step=4)
        assert not caplog.records
        here.add(rows(1.0, lost=4.0), NAMES, step=8)
        here.add(rows(1.0, lost=5.0), NAMES, step=10)
    [record] = caplog.records
    assert "update 8: no location learns from 40% of the truths" in record.getMessage()
