"""One door for arrays: copied, checked, locked, and no value is changed on the way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.errors import DataError
from scanml.structures.arrays import check_unique, locked


def test_an_array_is_copied_and_read_only():
    own = np.zeros((2, 3), np.float32)
    array = locked(own, "float32", (2, None), name="x")
    own[0, 0] = 5
    assert array[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


@pytest.mark.parametrize("shape", [(None, 4), (0, 4), (None, 2, 2)])
def test_an_empty_list_is_no_rows(shape):
    assert locked([], "float32", shape, name="x").shape == tuple(size or 0 for size in shape)


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ([1, 2], (3,)),
        ([[1, 2]], (None,)),
        ([1], (None, 4)),
        (3, (None,)),
        (np.zeros((0, 3)), (None, 4)),
        ([[]], (None, 4)),
    ],
)
def test_another_shape_is_refused_with_both(values, shape):
    with pytest.raises(DataError, match=r"x must have shape \(.*\), received \("):
        locked(values, "float32", shape, name="x")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_is_refused_and_counted(value):
    with pytest.raises(DataError, match="x must be finite, received 2 values"):
        locked([1.0, value, value], "float32", (None,), name="x")
    assert len(locked([1.0, value], "float32", (None,), name="x", finite=False)) == 2


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0.5], "int32"),
        ([2**31], "int32"),
        ([2**70], "int32"),
        ([256], "uint8"),
        ([-1], "uint8"),
        ([0.5], "uint8"),
        ([np.nan], "int32"),
        ([2], "bool"),
        ([[1], [2, 3]], "int32"),
        (["a"], "float32"),
        ([None], "int32"),
        ([{}], "bool"),
    ],
)
def test_a_value_that_would_change_is_refused(values, dtype):
    with pytest.raises(DataError, match=r"^x must"):
        locked(values, dtype, (None,), name="x")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1.0, -2.0], "int32"), ([0, 1], "bool"), ([True], "int32"), ([255.0], "uint8"), ([1], "float32")],
)
def test_a_value_that_stays_the_same_is_taken(values, dtype):
    array = locked(values, dtype, (None,), name="x")
    assert array.dtype == dtype
    assert array.tolist() == values


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from(["float32", "float64", "int32", "uint8", "bool"]))
def test_anything_is_taken_or_refused(values, dtype):
    try:
        array = locked(values, dtype, (None,), name="x")
    except DataError:
        return
    assert array.dtype == dtype
    assert len(array) == len(values)


def test_values_below_the_least_are_refused():
    assert len(locked([0, 5], "int32", (None,), name="x", least=0)) == 2
    with pytest.raises(DataError, match="x must be at least 0, received -3"):
        locked([0, -3], "int32", (None,), name="x", least=0)


def test_what_occurs_twice_is_named():
    check_unique(("a", "b"), name="x")
    with pytest.raises(DataError, match="x 'b' occurs twice"):
        check_unique(("a", "b", "b"), name="x")
