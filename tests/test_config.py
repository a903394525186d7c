"""Configs go to JSON and back unchanged; what does not fit is refused by name, type and the nearest field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.config import check_fields, fingerprint, from_json, nearest, override, to_json
from scanml.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    name: str = "a"


@dataclass(frozen=True)
class Outer:
    steps: int = 10
    rate: float = 0.5
    on: bool = False
    mode: Literal["fast", "slow"] = "fast"
    size: tuple[int, int] = (2, 3)
    names: tuple[str, ...] = ()
    inner: Inner = Inner()
    maybe: Inner | None = None
    number: int | None = None
    either: int | str = 0
    weights: Mapping[str, float] = field(default_factory=dict)
    free: Any = None


@dataclass(frozen=True)
class Needs:
    must: int


@dataclass(frozen=True)
class Level:
    level: Literal[0, 1] = 0


FULL = Outer(
    steps=7,
    rate=2,
    size=(5, 6),
    names=("x", "y"),
    maybe=Inner(name="b"),
    number=3,
    either="z",
    weights={"k": 1},
    free={"a": [1, None]},
)


@pytest.mark.parametrize("config", [Outer(), FULL])
def test_json_and_back_changes_nothing(config):
    assert from_json(Outer, json.loads(json.dumps(to_json(config)))) == config


def test_missing_fields_have_their_defaults():
    assert from_json(Outer, {"steps": 3}) == Outer(steps=3)


def test_whole_numbers_become_floats_where_floats_are_meant():
    rate = from_json(Outer, {"rate": 3}).rate
    assert rate == 3
    assert isinstance(rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stepps": 1}, "config: Outer has no field 'stepps'; did you mean 'steps'?"),
        ({"inner": {"raet": 1}}, "config.inner: Inner has no field 'raet'; did you mean 'rate'?"),
        ({"zzz": 1}, "known: either, free, inner,"),
        ({"steps": 1.5}, "config.steps: expected int, received 1.5"),
        ({"steps": True}, "config.steps: expected int, received True"),
        ({"steps": "5"}, "config.steps: expected int, received '5'"),
        ({"steps": None}, "config.steps: expected int, received None"),
        ({"rate": "fast"}, "config.rate: expected float, received 'fast'"),
        ({"rate": False}, "config.rate: expected float, received False"),
        ({"rate": float("nan")}, "config.rate: expected a finite number, received nan"),
        ({"rate": float("-inf")}, "config.rate: expected a finite number"),
        ({"rate": 10**400}, "config.rate: expected a finite number"),
        ({"on": 1}, "config.on: expected bool, received 1"),
        ({"mode": "medium"}, "config.mode: expected one of 'fast', 'slow', received 'medium'"),
        ({"mode": ["fast"]}, "config.mode: expected one of"),
        ({"size": [1]}, "config.size: expected 2 values, received 1: [1]"),
        ({"size": [1, "2"]}, "config.size[1]: expected int, received '2'"),
        ({"size": 3}, "config.size: expected a list, received 3"),
        ({"names": "abc"}, "config.names: expected a list, received 'abc'"),
        ({"names": ["a", 1]}, "config.names[1]: expected str, received 1"),
        ({"inner": None}, "config.inner: expected the fields of Inner, received None"),
        ({"inner": [1]}, "config.inner: expected the fields of Inner"),
        ({"maybe": {"rate": "x"}}, "config.maybe.rate: expected float, received 'x'"),
        ({"number": "x"}, "config.number: expected int, received 'x'"),
        ({"either": 1.5}, "config.either: expected int, received 1.5. Or: config.either: expected str, received 1.5."),
        ({"weights": [1]}, "config.weights: expected an object, received [1]"),
        ({"weights": {"k": "x"}}, "config.weights.k: expected float, received 'x'"),
        ([], "config: expected the fields of Outer, received []"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(values, message):
    with pytest.raises(ConfigError) as caught:
        from_json(Outer, values)
    assert message in str(caught.value)


def test_a_missing_field_without_default_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"Needs cannot be built: .*'must'"):
        from_json(Needs, {})


def test_true_is_not_the_literal_one():
    assert from_json(Level, {"level": 1}) == Level(1)
    with pytest.raises(ConfigError, match="expected one of 0, 1, received True"):
        from_json(Level, {"level": True})


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("steps=3", {"steps": 3}),
        ("rate=1e-3", {"rate": 0.001}),
        ("on=true", {"on": True}),
        ("mode=slow", {"mode": "slow"}),
        ('mode="slow"', {"mode": "slow"}),
        ("size=[8, 9]", {"size": (8, 9)}),
        ('names=["a=b"]', {"names": ("a=b",)}),
        ("either=word", {"either": "word"}),
        ("either=4", {"either": 4}),
        ("number=null", {"number": None}),
        ("inner.rate=2", {"inner": Inner(rate=2.0)}),
        ("inner.name=a=b", {"inner": Inner(name="a=b")}),
        ('maybe={"rate": 2}', {"maybe": Inner(rate=2.0)}),
        ("weights.k=2", {"weights": {"k": 2.0}}),
        ('weights={"j": 2}', {"weights": {"j": 2.0}}),
    ],
)
def test_an_override_changes_one_field(assignment, expected):
    assert override(Outer(), [assignment]) == Outer(**expected)


def test_overrides_apply_in_order():
    assert override(Outer(), ["steps=3", "inner.rate=2", "steps=4", "inner.name=z"]) == Outer(
        steps=4, inner=Inner(2.0, "z")
    )
    assert override(FULL, []) == FULL


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("steps", "expects field=value, received 'steps'"),
        ("stesp=3", "--set stesp: Outer has no field 'stesp'; did you mean 'steps'?"),
        ("inner.rat=3", "--set inner.rat: Inner has no field 'rat'; did you mean 'rate'?"),
        ("name=z", "--set name: Outer has no field 'name'; did you mean 'inner.name'?"),
        ("innr.rate=3", "--set innr.rate: Outer has no field 'innr'; did you mean 'inner'?"),
        ("steps.x=3", "--set steps.x: nothing below it can be set; it is 10 here"),
        ("maybe.rate=3", "nothing below it can be set; it is None here"),
        ("size.0=3", "nothing below it can be set; it is [2, 3] here"),
        ("steps=many", "--set.steps: expected int, received 'many'"),
        ("rate=NaN", "--set.rate: expected a finite number, received nan"),
        ("steps=1" + "0" * 5000, "--set.steps: expected int"),
        ("size=" + "[" * 100_000, "--set.size: expected a list"),
        ("=3", "has no field ''"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(assignment, message):
    with pytest.raises(ConfigError) as caught:
        override(Outer(), [assignment])
    assert message in str(caught.value)


def test_fingerprints_are_stable():
    assert fingerprint(Inner()) == "737620d60d0b92c0"  # printf '{"name":"a","rate":0.1}' | sha256sum
    assert fingerprint({"rate": 0.1, "name": "a"}) == fingerprint({"name": "a", "rate": 0.1}) == fingerprint(Inner())
    assert fingerprint([1, (2, 3)]) == fingerprint((1, [2, 3]))


def test_fingerprints_outlive_json_and_know_no_kind_of_number():
    assert fingerprint(from_json(Outer, json.loads(json.dumps(to_json(FULL))))) == fingerprint(FULL)
    assert fingerprint(Inner(rate=1)) == fingerprint(Inner(rate=1.0))
    assert fingerprint(True) != fingerprint(1)


@pytest.mark.parametrize("other", [Outer(steps=11), Outer(inner=Inner(rate=0.2)), Outer(maybe=Inner()), Outer(on=True)])
def test_fingerprints_differ_where_configs_do(other):
    assert fingerprint(other) != fingerprint(Outer())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(list(to_json(Outer()))), JSON, max_size=4) | JSON)
def test_any_json_makes_a_config_that_returns_to_itself_or_is_refused(values):
    try:
        config = from_json(Outer, values)
    except ConfigError:
        return
    assert json.dumps(to_json(from_json(Outer, to_json(config)))) == json.dumps(to_json(config))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.sampled_from(["", "steps=", "inner.", "inner.rate=", "weights."]))
def test_any_override_is_applied_or_refused(text, start):
    try:
        override(Outer(), [start + text])
    except ConfigError as error:
        assert "--set" in str(error)


def test_the_nearest_name_is_offered_or_all():
    assert nearest("detecter", ["detector", "classifier"]) == "did you mean 'detector'?"
    assert nearest("xyz", ["b", "a"]) == "known: a, b."


@dataclass(frozen=True)
class Checked:
    steps: int = 1
    rate: float = 0.5
    mode: Literal["fast", "slow"] = "fast"
    size: tuple[int, int] = (2, 3)

    def __post_init__(self):
        check_fields(self)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"steps": 2.5}, "Checked.steps: expected int, received 2.5"),
        ({"rate": float("inf")}, "Checked.rate: expected a finite number, received inf"),
        ({"mode": "huge"}, "Checked.mode: expected one of 'fast', 'slow', received 'huge'"),
        ({"size": (1, 2, 3)}, "Checked.size: expected 2 values, received 3"),
    ],
)
def test_a_config_built_in_python_is_checked_like_one_from_json(field, message):
    with pytest.raises(ConfigError) as caught:
        Checked(**field)
    assert message in str(caught.value)


def test_checked_fields_have_their_types():
    checked = Checked(rate=1, size=[4, 5])
    assert (checked.rate, checked.size) == (1.0, (4, 5))
    assert isinstance(checked.rate, float)
