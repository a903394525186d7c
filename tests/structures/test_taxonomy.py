"""What implies what, against walking every path; circles are refused by their names."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.config import fingerprint, from_json, to_json
from scanml.errors import DataError
from scanml.structures import LabelSpace
from scanml.structures.taxonomy import ancestors


def walk(name, pairs):
    """All that can be reached upwards, path by path."""
    direct = {parent for child, parent in pairs if child == name}
    return direct.union(*(walk(parent, pairs) for parent in direct))


PAIRS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]), max_size=14)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(PAIRS)
def test_ancestors_are_all_that_paths_lead_to(numbers):
    pairs = [(str(child), str(parent)) for child, parent in numbers]
    found = ancestors(pairs)
    assert found.keys() == {name for pair in pairs for name in pair}
    for name, above in found.items():
        assert above == walk(name, pairs)


@pytest.mark.parametrize("pairs", [[("a", "a")], [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]])
def test_a_circle_is_refused_by_its_names(pairs):
    with pytest.raises(DataError, match="imply each other in a circle") as refused:
        ancestors(pairs)
    names = re.search(r"triggers (.*) imply", str(refused.value))[1].split(" → ")
    assert names[0] == names[-1] and all(pair in pairs for pair in pairwise(names))


def test_a_deep_chain_is_no_trouble():
    pairs = [(str(i), str(i + 1)) for i in range(1500)]  # deeper than Python's stack
    assert len(ancestors(pairs)["0"]) == 1500


def test_a_label_space_knows_what_its_triggers_imply():
    labels = LabelSpace(trigger_names=("cola", "drink", "sky"), trigger_parents=(("cola", "drink"),))
    assert labels.implied() == {"cola": {"drink"}, "drink": set(), "sky": set()}
    assert from_json(LabelSpace, to_json(labels)) == labels
    with pytest.raises(DataError, match=r"trigger_parents: \['food'\] are not among the trigger names"):
        LabelSpace(trigger_names=("cola",), trigger_parents=(("cola", "food"),))
    with pytest.raises(DataError, match="circle"):
        LabelSpace(trigger_names=("a", "b"), trigger_parents=(("a", "b"), ("b", "a")))


def test_without_parents_nothing_more_is_written_than_before_there_were_any():
    old = {"class_names": ["cat"], "category_ids": [3], "trigger_names": ["sky"]}
    labels = LabelSpace(("cat",), (3,), ("sky",))
    assert to_json(labels) == old and fingerprint(labels) == fingerprint(old)
    assert from_json(LabelSpace, old) == labels
