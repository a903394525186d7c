"""Frames, examples, scenes, lenses, markers: what each refuses, and what empty looks like."""

import numpy as np
import pytest

from scanml.errors import ConfigError, DataError
from scanml.structures import (
    Boxes,
    DetectionExample,
    Detections,
    Frame,
    LabelSpace,
    Lens,
    LensCatalog,
    LocalFeatures,
    Marker,
    MarkerMatch,
    Node,
    Pipeline,
    RankedLens,
    SceneExample,
    Triggers,
)

FRAME = Frame(np.zeros((6, 8, 3), np.uint8), "f")


def test_a_frame_is_locked_knows_its_size_and_draws_itself():
    assert FRAME.size == (6, 8)
    assert FRAME._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="read-only"):
        FRAME.pixels[0, 0, 0] = 1


@pytest.mark.parametrize(
    "pixels", [np.zeros((6, 8)), np.full((6, 8, 3), 0.5), np.full((6, 8, 3), 300), np.zeros((6, 8, 4))]
)
def test_a_frame_of_another_kind_of_pixels_is_refused_by_its_id(pixels):
    with pytest.raises(DataError, match="Frame photo-7 must"):
        Frame(pixels, "photo-7")


def test_an_example_fits_its_frame_and_its_boxes():
    boxes = Boxes([[0, 0, 1, 1]], (6, 8))
    example = DetectionExample(FRAME, boxes, [3], [False])
    assert example.labels.dtype == np.int32
    with pytest.raises(DataError, match=r"f: boxes are for an image of \(8, 6\), the frame is \(6, 8\)"):
        DetectionExample(FRAME, Boxes([[0, 0, 1, 1]], (8, 6)), [3], [False])
    with pytest.raises(DataError, match="labels must have shape"):
        DetectionExample(FRAME, boxes, [3, 4], [False])
    with pytest.raises(DataError, match="labels must be at least 0, received -3"):
        DetectionExample(FRAME, boxes, [-3], [False])
    with pytest.raises(DataError, match="areas must be at least 0, received -5"):
        DetectionExample(FRAME, boxes, [3], [False], [-5])
    with pytest.raises(DataError, match="crowd must have shape"):
        DetectionExample(FRAME, boxes, [3], [])
    with pytest.raises(DataError, match="present must have shape"):
        SceneExample(FRAME, [True], [True, False])


def test_a_label_space_has_an_id_for_every_name():
    assert LabelSpace().class_names == ()
    with pytest.raises(DataError, match="2 class names"):
        LabelSpace(("a", "b"), (1,))
    for twice in ((("a", "a"), (1, 2)), (("a", "b"), (1, 1)), ((), (), ("sky", "sky"))):
        with pytest.raises(DataError, match="occurs twice"):
            LabelSpace(*twice)


def detections(scores, labels=None):
    boxes = Boxes(np.zeros((len(scores), 4)), (6, 8))
    return Detections(boxes, scores, [0] * len(scores) if labels is None else labels, ("cat", "dog"))


def test_detections_come_best_first_with_known_labels_and_probable_scores():
    found = detections([0.9, 0.9, 0.2], [1, 0, 1])
    assert found.label_names() == ["dog", "cat", "dog"]
    assert found.above(0.5).scores.tolist() == pytest.approx([0.9, 0.9])
    assert len(found.above(0.95)) == 0
    for scores, labels, message in (
        ([0.2, 0.9], [0, 0], "sorted by score"),
        ([1.1], [0], r"\[0, 1\]"),
        ([-0.1], [0], r"\[0, 1\]"),
        ([0.5], [2], r"0…1, received \[2\]"),
        ([0.5], [-1], "labels must lie"),
        ([np.nan], [0], "finite"),
    ):
        with pytest.raises(DataError, match=message):
            detections(scores, labels)


def test_nothing_found_is_a_normal_value():
    nothing = Detections.empty((), image_size=(6, 8))
    assert len(nothing) == 0
    assert nothing.boxes.xyxy.shape == (0, 4)
    assert len(nothing.above(0.5)) == 0
    assert Triggers((), []).by_name() == {}


def test_triggers_by_name_are_most_probable_first():
    triggers = Triggers(("sea", "sky", "dog"), [0.25, 0.5, 0.25])
    assert list(triggers.by_name().items()) == [("sky", 0.5), ("sea", 0.25), ("dog", 0.25)]
    with pytest.raises(DataError, match="shape"):
        Triggers(("sea",), [])
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        Triggers(("sea",), [1.5])
    with pytest.raises(DataError, match="'sea' occurs twice"):
        Triggers(("sea", "sea"), [0.5, 0.5])


def test_lenses_are_locked_and_versioned_by_content():
    weights = {"sky": 1.0}
    lens = Lens("moon", "Moon", triggers=weights)
    weights["sky"] = 7.0
    assert lens.triggers == {"sky": 1.0}
    with pytest.raises(TypeError):
        lens.triggers["sky"] = 2.0
    version = LensCatalog((lens,)).version
    assert version == LensCatalog((Lens("moon", "Moon", triggers={"sky": 1}),)).version
    assert version != LensCatalog((Lens("moon", "Moon", triggers={"sky": 0.9}),)).version


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lens_id": ""}, "not empty"),
        ({"popularity": 1.1}, r"popularity must lie in \[0, 1\], received 1.1"),
        ({"popularity": float("nan")}, "popularity"),
        ({"triggers": {"sky": -1.0}}, "not negative"),
        ({"triggers": {"sky": float("inf")}}, "finite"),
    ],
)
def test_a_lens_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(DataError, match=message):
        Lens(**({"lens_id": "moon", "name": "Moon"} | fields))


def test_lens_ids_are_unique():
    assert LensCatalog([Lens("moon", "Moon")]).lenses == (Lens("moon", "Moon"),)
    with pytest.raises(DataError, match="'moon' occurs twice"):
        LensCatalog((Lens("moon", "Moon"), Lens("moon", "Luna")))


def test_a_match_projects_the_corners_of_its_marker():
    homography = np.array([[2.0, 0, 5], [0, 3, 7], [0, 0, 0.5]])
    match = MarkerMatch("poster", 0.5, 20, homography, (10, 20))
    np.testing.assert_allclose(match.corners(), [[10, 14], [90, 14], [90, 74], [10, 74]])
    with pytest.raises(DataError, match="similarity"):
        MarkerMatch("poster", 1.5, 20, homography, (10, 20))
    with pytest.raises(DataError, match="homography"):
        MarkerMatch("poster", 0.5, 20, np.eye(2), (10, 20))


def test_a_marker_and_its_features_are_checked():
    features = LocalFeatures([[1, 2]], np.zeros((1, 128), np.uint8))
    assert len(features) == 1
    assert features.descriptors.dtype == np.uint8
    assert Marker("poster", FRAME.pixels, features).pixels.shape == (6, 8, 3)
    with pytest.raises(DataError, match="descriptors must have shape"):
        LocalFeatures([[1, 2]], np.zeros((2, 128)))
    with pytest.raises(DataError, match="Marker poster must"):
        Marker("poster", np.zeros((6, 8)), features)


def test_a_pipeline_runs_in_the_order_it_is_written():
    first = Node("validate", "validate", {"data": "data"})
    second = Node("extract", "extract", {"data": "data", "report": "validate"})
    pipeline = Pipeline(("data",), (first, second))
    assert "report ← validate" in pipeline._repr_html_()
    with pytest.raises(ConfigError, match="extract needs validate, which nothing before it makes"):
        Pipeline(("data",), (second, first))
    with pytest.raises(ConfigError, match="'validate' is used twice"):
        Pipeline(("data",), (first, first))
    with pytest.raises(ConfigError, match="'data' is used twice"):
        Pipeline(("data",), (Node("data", "validate", {}),))


@pytest.mark.parametrize(("score", "rank"), [(0.5, 0), (0.5, -1), (float("nan"), 1)])
def test_a_rank_that_makes_no_sense_is_refused(score, rank):
    with pytest.raises(DataError, match="'moon': expected a rank from 1 and a finite score"):
        RankedLens("moon", score, rank, "trigger")


@pytest.mark.parametrize("homography", [np.zeros((3, 3)), np.diag([1.0, 0, 1]), [[1, 0, 0], [0, 1, 0], [1, 0, 0]]])
def test_a_homography_that_flattens_its_marker_is_refused(homography):
    with pytest.raises(DataError, match=r"MarkerMatch\.homography must be invertible"):
        MarkerMatch("poster", 0.5, 20, homography, (10, 20))
