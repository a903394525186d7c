"""Pictures: drawn where they should be, on any size of image, the same every time, never into the caller's pixels."""

import cv2
import numpy as np
import pytest

from scanml.errors import DataError
from scanml.evaluation import canvas, gallery, outlines, panel
from scanml.metrics import ImageTruth
from scanml.structures import Boxes, Detections, MarkerMatch, RankedLens, SceneReading, Triggers

NAMES = ("cup", "<b>dog</b>", "ciel\nnuit", "", "日本")


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def detections_in(size, rng, *, count=5):
    corners = np.sort(rng.uniform(0, 1, (count, 2, 2)), axis=1)[:, :, :] * [size[1], size[0]]
    scores = np.sort(rng.uniform(0, 1, count))[::-1]
    return Detections(Boxes(corners.reshape(count, 4), size), scores, np.arange(count) % len(NAMES), NAMES)


def one_detection(xyxy, size, *, score=0.9):
    return Detections(Boxes([xyxy], size), [score], [0], NAMES)


def truth_of(boxes):
    return ImageTruth(boxes, np.zeros(len(boxes), int), np.zeros(len(boxes), bool))


def reading_of(detections, *, marker=None):
    triggers = Triggers(("sky", "drink <i>", "x" * 300), [0.97, 0.4, 0.0])
    return SceneReading("frame-1", triggers, detections, marker)


RANKED = [RankedLens(f"lens-{i}", 1 / i, i, reason) for i, reason in enumerate(["marker", "trigger", "popularity"], 1)]


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (900, 3), (97, 131), (2400, 3200)])
def test_any_size_of_image_can_be_drawn_on(rng, size):
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    before = pixels.copy()
    detections = detections_in(size, rng)
    drawn = gallery.draw_detections(pixels, detections, min_score=0.0)
    both = gallery.draw_truth_and_prediction(pixels, truth_of(detections.boxes), detections)
    true = gallery.draw_truth(pixels, truth_of(detections.boxes), NAMES)
    marked = gallery.draw_marker(pixels, [[0, 0], [size[1], 0], [size[1], size[0]], [0, size[0]]], "poster")
    read = gallery.draw_reading(pixels, reading_of(detections), RANKED, {"lens-1": "Mars"})
    assert drawn.shape == both.shape == true.shape == marked.shape == pixels.shape
    assert read.dtype == np.uint8 and read.shape[2] == 3 and max(read.shape) < 2200  # 1280, the panel and margins
    np.testing.assert_array_equal(pixels, before)


def test_read_only_pixels_are_no_obstacle(rng):
    pixels = np.zeros((50, 60, 3), np.uint8)
    pixels.setflags(write=False)
    assert gallery.draw_detections(pixels, detections_in((50, 60), rng), min_score=0.0).any()


def test_without_detections_nothing_changes(rng):
    pixels = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    nothing = Detections.empty(NAMES, image_size=(40, 60))
    np.testing.assert_array_equal(gallery.draw_detections(pixels, nothing, min_score=0.0), pixels)
    np.testing.assert_array_equal(gallery.draw_truth_and_prediction(pixels, truth_of(nothing.boxes), nothing), pixels)
    np.testing.assert_array_equal(gallery.draw_truth(pixels, truth_of(nothing.boxes), NAMES), pixels)


def test_a_box_changes_its_outline_and_nothing_else():
    size = (100, 120)  # too low for a label, one-pixel lines with a halo of one pixel
    drawn = gallery.draw_detections(
        np.full((*size, 3), 128, np.uint8), one_detection([20, 30, 80, 70], size), min_score=0
    )
    expected = np.zeros(size, bool)
    expected[29:71, 19:81] = True
    expected[32:68, 22:78] = False
    np.testing.assert_array_equal((drawn != 128).any(axis=2), expected)
    color = np.array(canvas.class_color(0))
    for line in (drawn[30, 20:80], drawn[69, 20:80], drawn[30:70, 20], drawn[30:70, 79]):
        np.testing.assert_array_equal(line, np.broadcast_to(color, line.shape))


def test_only_scores_from_min_score_on_are_drawn():
    size = (100, 120)
    pixels = np.full((*size, 3), 128, np.uint8)
    weak = one_detection([20, 30, 80, 70], size, score=0.25)
    np.testing.assert_array_equal(gallery.draw_detections(pixels, weak, min_score=0.3), pixels)
    assert (gallery.draw_detections(pixels, weak, min_score=0.25) != pixels).any()


def test_truth_found_missed_and_wrong_predictions_differ_in_color():
    size = (100, 200)
    truth = truth_of(Boxes([[10, 10, 50, 50], [120, 20, 180, 80]], size))
    predicted = Detections(Boxes([[12, 12, 50, 50], [60, 60, 100, 95]], size), [0.9, 0.8], [0, 0], NAMES)
    drawn = gallery.draw_truth_and_prediction(np.zeros((*size, 3), np.uint8), truth, predicted)
    colors = {tuple(color) for color in drawn.reshape(-1, 3).tolist()}
    assert {gallery._WHITE, gallery._RED, gallery._BLUE, gallery._AMBER} <= colors
    assert tuple(drawn[20, 120].tolist()) == gallery._RED
    assert tuple(drawn[60, 60].tolist()) == gallery._AMBER


def test_what_lies_in_a_region_of_many_is_neither_right_nor_wrong():
    size = (100, 200)
    truth = ImageTruth(Boxes([[10, 10, 150, 90]], size), [0], [True])
    drawn = gallery.draw_truth_and_prediction(
        np.zeros((*size, 3), np.uint8), truth, one_detection([40, 30, 80, 70], size)
    )
    colors = {tuple(color) for color in drawn.reshape(-1, 3).tolist()}
    assert gallery._GRAY in colors
    assert not {gallery._WHITE, gallery._RED, gallery._BLUE, gallery._AMBER} & colors


def test_shrinking_keeps_the_shape_and_small_pictures():
    wide = np.zeros((100, 400, 3), np.uint8)
    assert gallery.shrink(wide, max_side=200).shape == (50, 200, 3)
    assert gallery.shrink(wide, max_side=500).shape == wide.shape


def test_a_small_picture_is_enlarged_on_request(rng):
    pixels = rng.integers(0, 256, (32, 64, 3), dtype=np.uint8)
    drawn = gallery.draw_detections(pixels, one_detection([16, 8, 32, 24], (32, 64)), min_score=0.0, min_width=640)
    assert drawn.shape == (320, 640, 3)
    assert drawn[160, 160].tolist() == list(canvas.class_color(0))


def test_a_marker_is_outlined_at_its_corners():
    drawn = gallery.draw_marker(np.zeros((100, 100, 3), np.uint8), [[20, 20], [80, 20], [80, 80], [20, 80]], "poster")
    assert drawn[20, 50].tolist() == drawn[50, 80].tolist() == [255, 214, 10]
    assert not drawn[5:15, 5:15].any()


@pytest.mark.parametrize("far", [1e12, np.inf, np.nan])
def test_a_degenerate_marker_outline_does_no_harm(far):
    pixels = np.zeros((60, 80, 3), np.uint8)
    assert gallery.draw_marker(pixels, [[0, 0], [far, 0], [far, far], [0, far]], "poster").shape == pixels.shape


def test_a_reading_shows_frame_and_panel_and_repeats_itself(rng):
    size = (96, 128)
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    marker = MarkerMatch("poster", 0.9, 30, np.diag([1.0, 1.0, 1.0]), (40, 50))
    reading = reading_of(detections_in(size, rng), marker=marker)
    names = {"lens-1": "Mars", "lens-2": "\x00" * 500}
    first = gallery.draw_reading(pixels, reading, RANKED, names)
    np.testing.assert_array_equal(first, gallery.draw_reading(pixels, reading, RANKED, names))
    assert first.shape[1] > 640 + 250
    other = gallery.draw_reading(pixels, reading, [], {})
    frame = np.s_[:, : 640 + panel._MARGIN]
    np.testing.assert_array_equal(first[frame], other[frame])
    assert (first != other).any()


def test_names_without_triggers_or_lenses_say_so():
    empty = panel.draw_panel(Triggers((), []), [], {}, unit=1.0, min_height=300)
    assert empty.shape == (300, panel._WIDTH, 3) and empty.std() > 0


def test_pictures_survive_encoding(rng):
    smooth = cv2.resize(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8), (50, 40))
    back = cv2.imdecode(np.frombuffer(gallery.encode_png(smooth), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(back, smooth)
    lossy = cv2.imdecode(np.frombuffer(gallery.encode_jpeg(smooth), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(lossy.astype(int) - smooth).mean() < 8  # quality 88 of a smooth picture: a few gray levels


@pytest.mark.parametrize("pixels", [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(DataError, match="uint8"):
        gallery.encode_png(pixels)


def test_boxes_of_another_image_are_refused(rng):
    pixels, detections = np.zeros((10, 10, 3), np.uint8), detections_in((20, 20), rng)
    with pytest.raises(DataError, match="belong"):
        gallery.draw_detections(pixels, detections, min_score=0.0)
    with pytest.raises(DataError, match="belong"):
        gallery.draw_truth_and_prediction(pixels, truth_of(detections.boxes), detections)


def test_eighty_classes_have_eighty_colors_with_legible_ink():
    colors = [canvas.class_color(i) for i in range(80)]
    assert len(set(colors)) == 80
    for color in colors:
        lights = sorted(_luminance(tone) for tone in (color, canvas.ink_on(color)))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.0  # WCAG asks 3 of large or bold text


def test_labels_avoid_each_other_and_stay_on_the_picture():
    taken = []
    for _ in range(4):
        spot = canvas.place_chip((10, 30, 60, 60), (40, 12), taken=taken, canvas=(100, 100))
        assert min(spot) >= 0 and max(spot) <= 100
        assert not any(canvas._overlap(spot, other) for other in taken)
        taken.append(spot)


def test_dashes_close_the_corners():
    dashes = outlines._dashes((0, 0), (100, 0), length=10)
    assert dashes[0][0] == (0, 0) and dashes[-1][1] == (100, 0) and len(dashes) > 3


def _luminance(color):
    return sum(weight * (value / 255) ** 2.2 for weight, value in zip((0.2126, 0.7152, 0.0722), color, strict=True))
