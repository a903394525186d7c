"""Values draw themselves: short tables, pictures of bearable size, and nothing from data is run."""

import cv2
import numpy as np
import pytest

from scanml.structures import (
    Boxes,
    Detections,
    Frame,
    Lens,
    LensCatalog,
    LocalFeatures,
    Marker,
    MarkerMatch,
    Node,
    Pipeline,
    SceneReading,
    Triggers,
)
from scanml.structures.display import html_table

EVIL = "<script>alert(1)</script>"
FOUND = Detections(Boxes([[1, 2, 30, 4.4]], image_size=(50, 60)), [0.75], [0], (EVIL,))
SEEN = Triggers((EVIL, "sky"), [0.25, 0.5])


@pytest.mark.parametrize(
    "value",
    [
        FOUND,
        SEEN,
        SceneReading("a.png", SEEN, FOUND, MarkerMatch(EVIL, 0.5, 20, np.eye(3), (10, 20))),
        LensCatalog((Lens("moon", EVIL, {EVIL: 1.0}, (EVIL,), (EVIL,)),)),
        Pipeline((EVIL,), (Node(EVIL + "1", EVIL, {EVIL: EVIL}),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_names_from_data_are_shown_and_not_run(value):
    assert "<script" not in value._repr_html_()
    assert "&lt;script&gt;" in value._repr_html_()


def test_a_reading_shows_what_was_seen_most_probable_first():
    page = SceneReading("a.png", SEEN, FOUND)._repr_html_()
    assert page.index("<td>sky<td>0.500") < page.index("<td>0.250") < page.index("<td>0.750<td>1, 2, 30, 4<")
    assert "marker" not in page


def test_a_table_shows_its_first_rows_and_counts_the_rest():
    assert html_table(["n"], [[number] for number in range(40)]).count("<td>") == 40
    page = html_table(["n", "square"], [[number, number**2] for number in range(1041)], caption=EVIL)
    assert page.count("<td>") == 80
    assert "<td colspan=2>… and 1,001 more" in page
    assert "<script" not in page


@pytest.mark.parametrize("make", [lambda p: Frame(p, "a.png"), lambda p: Marker("m", p, LocalFeatures([], np.eye(0)))])
def test_a_picture_is_drawn_as_it_is_and_a_large_one_smaller(make, rng):
    pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    assert np.array_equal(read(make(pixels)), pixels)
    assert read(make(np.zeros((4000, 3000, 3), np.uint8))).shape == (1024, 768, 3)
    assert read(make(np.zeros((1, 5000, 3), np.uint8))).shape == (1, 1024, 3)
    assert make(np.zeros((0, 8, 3), np.uint8))._repr_png_() is None


def read(picture):
    """The pixels of what is drawn, RGB."""
    return cv2.imdecode(np.frombuffer(picture._repr_png_(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
