import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.errors import DataError
from scanml.structures import Boxes


def test_formats_go_there_and_back():
    boxes = Boxes.from_xywh([[1, 2, 3, 4], [0, 0, 0, 5]], image_size=(10, 20))
    np.testing.assert_array_equal(boxes.xyxy, [[1, 2, 4, 6], [0, 0, 0, 5]])
    np.testing.assert_array_equal(boxes.to_xywh(), [[1, 2, 3, 4], [0, 0, 0, 5]])
    np.testing.assert_array_equal(boxes.areas(), [12, 0])
    assert len(boxes) == 2


@pytest.mark.parametrize("empty", [[], np.zeros((0, 4))])
def test_no_boxes_are_a_normal_value(empty):
    for boxes in (Boxes(empty, (4, 4)), Boxes.from_xywh(empty, image_size=(4, 4))):
        assert boxes.xyxy.shape == boxes.to_xywh().shape == (0, 4)
        assert boxes.areas().shape == (0,)


@pytest.mark.parametrize(
    ("xyxy", "message"),
    [
        ([[0, 0, 1, 1], [5, 0, 3, 1]], r"received \[5.0, 0.0, 3.0, 1.0\] in row 1; for x, y, width, height use"),
        ([[0, 5, 1, 1]], "left <= right and top <= bottom"),
        ([[0, 0, 1]], r"must have shape \(any, 4\), received \(1, 3\)"),
        ([[0, 0, np.nan, 1]], "must be finite"),
        ("boxes", "must"),
    ],
)
def test_what_is_no_box_is_refused(xyxy, message):
    with pytest.raises(DataError, match=message):
        Boxes(xyxy, (10, 10))


coordinates = st.integers(-1000, 1000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates, st.integers(0, 500), st.integers(0, 500)), max_size=6))
def test_areas_are_width_times_height(rows):
    boxes = Boxes.from_xywh(np.reshape(rows, (-1, 4)), image_size=(9, 9))
    assert boxes.areas().tolist() == [width * height for _, _, width, height in rows]
    assert boxes.to_xywh().tolist() == [list(row) for row in rows]


@pytest.mark.parametrize("image_size", [(-1, -2), (1.5, "x"), (1.5, 2), (3,), 3, None])
def test_what_is_no_image_size_is_refused(image_size):
    with pytest.raises(DataError, match=r"Boxes\.image_size must"):
        Boxes([], image_size)


def test_rows_of_another_length_are_no_boxes():
    with pytest.raises(DataError, match=r"from_xywh must have shape \(any, 4\), received \(2, 6\)"):
        Boxes.from_xywh(np.zeros((2, 6)), image_size=(9, 9))
