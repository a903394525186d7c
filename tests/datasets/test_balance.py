"""Classes and triggers are counted split by split, and named where they are too few."""

from collections import namedtuple

import pytest

from scanml.datasets.balance import check_balance, count_classes, count_triggers
from scanml.structures import LabelSpace
from scanml.structures.findings import Spot

Picture = namedtuple("Picture", ["labels", "crowd", "present"])
LABELS = LabelSpace(("cat", "dog"), (1, 7), ("sea", "sky"))


def kinds(counts, what="class", spots=None):
    return [(f.kind, f.where) for f in check_balance(counts, what=what, spots=spots or {})]


def test_boxes_and_triggers_are_counted_regions_of_many_aside():
    train = [Picture((0, 0, 1), (False, True, False), {"sky"}), Picture((1,), (False,), set())]
    splits = {"train": train, "test": [Picture((), (), ("sea", "sky"))]}
    assert count_classes(splits, LABELS) == {"cat": {"train": 1, "test": 0}, "dog": {"train": 2, "test": 0}}
    assert count_triggers(splits, LABELS) == {"sea": {"train": 0, "test": 1}, "sky": {"train": 1, "test": 1}}
    assert count_classes(splits, LabelSpace()) == {}


@pytest.mark.parametrize("what", ["class", "trigger"])
def test_what_a_split_lacks_is_named(what):
    counts = {"cat": {"train": 50, "validation": 0, "test": 0}, "dog": {"train": 50, "validation": 9, "test": 9}}
    (finding,) = check_balance(counts, what=what, spots={"cat": Spot("a.jpg")})
    assert (finding.severity, finding.where, finding.kind) == ("warning", f"{what} 'cat'", f"{what} that a split lacks")
    assert finding.problem == "there is none in validation and test."
    assert finding.spots == (Spot("a.jpg"),)


def test_ten_in_training_are_rare_and_eleven_are_not():
    counts = {"a": {"train": 10, "test": 5}, "b": {"train": 11, "test": 5}}
    assert kinds(counts) == [("rare class", "class 'a'")]
    assert kinds({"a": {"test": 5}}) == []


def test_a_hundredfold_imbalance_is_named_once():
    counts = {name: {"train": count} for name, count in (("a", 5000), ("b", 50), ("c", 49))}
    assert kinds(counts) == [("class far rarer than another", "class 'c'")]
    assert kinds({"a": {"train": 5000}, "b": {"train": 50}}) == []
    assert kinds({}) == []
