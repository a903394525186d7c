from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanml.errors import ConfigError, DataError
from scanml.features.local import extract_local
from scanml.markers import MarkerMatcher, MatcherConfig
from scanml.markers.matcher import quad_area, ratio_matches
from scanml.structures import LocalFeatures, Marker


def draw_poster(seed: int, *, size: tuple[int, int] = (320, 240)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    height, width = size
    pixels = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(160):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        color = rng.integers(0, 256, 3).tolist()
        radius = int(rng.integers(3, 30))
        if rng.random() < 0.5:
            cv2.circle(pixels, center, radius, color, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(pixels, center, (center[0] + radius, center[1] + radius // 2), color, -1)
    return pixels


def make_marker(marker_id: str, pixels: np.ndarray) -> Marker:
    return Marker(marker_id, pixels, extract_local(pixels, max_points=500))


def show(poster: np.ndarray, quad: list[list[float]], *, frame: np.ndarray) -> np.ndarray:
    """The frame with the poster's corners (top left first, clockwise) at `quad`, in pixels whose outer edge is 0."""
    height, width = poster.shape[:2]
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    warp = cv2.getPerspectiveTransform(outline, np.array(quad, np.float32) - np.float32(0.5))
    size = (frame.shape[1], frame.shape[0])
    seen = cv2.warpPerspective(poster, warp, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, size) > 127
    return np.where(mask[..., None], seen, frame)


def corner_errors(match, quad) -> np.ndarray:
    return np.linalg.norm(match.corners() - np.array(quad, float), axis=1)


@pytest.fixture(scope="module")
def posters() -> list[np.ndarray]:
    return [draw_poster(seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def matcher(posters) -> MarkerMatcher:
    return MarkerMatcher([make_marker(f"poster-{i}", pixels) for i, pixels in enumerate(posters)])


@pytest.fixture(scope="module")
def background() -> np.ndarray:
    noise = np.random.default_rng(9).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def opencv_samples() -> Path:
    folder = Path(os.environ.get("SCANML_SHARED", "")) / "data" / "markers_opencv"
    if "SCANML_SHARED" not in os.environ or not folder.is_dir():
        pytest.skip("SCANML_SHARED names no folder with data/markers_opencv")
    return folder


def read_rgb(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].copy()


QUADS = {
    "frontal": [[200, 80], [440, 80], [440, 400], [200, 400]],
    "tilted": [[180, 60], [430, 110], [410, 380], [220, 440]],
    "upside down": [[440, 420], [200, 400], [210, 90], [430, 100]],
    "small": [[100, 100], [220, 110], [210, 260], [95, 250]],
    "partly out of view": [[-60, 60], [260, 90], [250, 520], [-80, 470]],
}


@pytest.mark.parametrize("name", QUADS)
def test_a_poster_is_found_where_it_was_put(matcher, posters, background, name):
    match = matcher.match(show(posters[1], QUADS[name], frame=background))
    assert match is not None and match.marker_id == "poster-1"
    assert corner_errors(match, QUADS[name]).max() < 2.0  # px; the drawing itself is exact
    assert match.num_inliers >= 12 and 0.6 <= match.similarity <= 1
    assert match.marker_size == (320, 240)


def test_light_noise_and_a_hand_in_front_are_forgiven(matcher, posters, background):
    frame = show(posters[2], QUADS["tilted"], frame=background).astype(np.float64)
    frame = frame * np.linspace(0.5, 0.9, 640)[None, :, None] + 20
    frame += np.random.default_rng(0).normal(0, 6, frame.shape)
    frame[300:, 180:300] = 150  # about a tenth of the poster
    match = matcher.match(np.clip(frame, 0, 255).astype(np.uint8))
    assert match is not None and match.marker_id == "poster-2"
    assert corner_errors(match, QUADS["tilted"]).max() < 2.0


def test_homography_refers_to_the_frame_as_given_however_large(matcher, posters, background):
    large = cv2.resize(background, (2560, 1920))
    quad = (np.array(QUADS["tilted"]) * 4).tolist()
    match = matcher.match(show(posters[0], quad, frame=large))
    assert match is not None and match.marker_id == "poster-0"
    assert corner_errors(match, quad).max() < 8.0  # 2 px at the scale of 640 px that is looked at


def test_the_same_frame_gives_the_same_answer_whatever_the_order_of_markers(matcher, posters, background):
    frame = show(posters[0], QUADS["tilted"], frame=background)
    turned = MarkerMatcher(matcher.markers[::-1])
    first, second, third = matcher.match(frame), matcher.match(frame), turned.match(frame)
    np.testing.assert_array_equal(first.homography, second.homography)
    np.testing.assert_array_equal(first.homography, third.homography)
    assert first.similarity == second.similarity == third.similarity


def test_identical_artwork_under_several_ids_goes_to_the_first_id(posters, background):
    frame = show(posters[0], QUADS["tilted"], frame=background)
    same = [make_marker(marker_id, posters[0]) for marker_id in ("c", "a", "b")]
    for markers in (same, same[::-1]):
        match = MarkerMatcher(markers).match(frame)
        assert match is not None and match.marker_id == "a"


@pytest.mark.parametrize("seed", range(3))
def test_no_marker_in_noise_or_another_texture(matcher, background, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert matcher.match(noise) is None
    assert matcher.match(show(draw_poster(100 + seed), QUADS["frontal"], frame=background)) is None


def test_a_mirrored_poster_is_not_the_poster(matcher, posters, background):
    assert matcher.match(show(posters[0][:, ::-1].copy(), QUADS["frontal"], frame=background)) is None


def test_a_listed_corner_on_another_poster_is_not_the_poster(matcher, posters, background):
    other = draw_poster(50)
    other[:110] = posters[0][:110]  # a shared banner: a right homography, and a wrong marker
    frame = show(other, QUADS["frontal"], frame=background)
    assert matcher.match(frame) is None
    lenient = MatcherConfig(min_correlation=-1.0, min_good_share=0.0)
    assert MarkerMatcher(matcher.markers, lenient).match(frame) is not None  # the pixel check alone refused it


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (8, 8), (480, 640), (3000, 4000)])
def test_blank_tiny_and_huge_frames_show_nothing(matcher, size):
    assert matcher.match(np.full((*size, 3), 90, np.uint8)) is None


def test_without_markers_nothing_is_found(background):
    assert MarkerMatcher([]).match(background) is None


def test_a_marker_without_features_is_never_found(background):
    empty = LocalFeatures(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    assert MarkerMatcher([Marker("blank", background, empty)]).match(background) is None


def test_two_markers_of_one_id_are_refused(posters):
    with pytest.raises(DataError, match="'x' occurs twice"):
        MarkerMatcher([make_marker("x", posters[0]), make_marker("x", posters[1])])


@pytest.mark.parametrize(
    "wrong", [{"max_ratio": 1.0}, {"min_inliers": 3}, {"min_area": 5.0}, {"max_points": 0}, {"local": 3}]
)
def test_a_config_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MatcherConfig(**wrong)


def test_ratio_test_against_the_definition():
    rng = np.random.default_rng(5)
    queries, references = (rng.random((count, 128)).astype(np.float32) for count in (40, 30))
    queries[:10] = references[:10] + 0.02 * rng.random((10, 128))
    queries, references = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, references))
    expected = []
    for i, query in enumerate(queries):
        distances = sorted((float(np.linalg.norm(query - reference)), j) for j, reference in enumerate(references))
        if distances[0][0] < 0.8 * distances[1][0]:
            expected.append((i, distances[0][1]))
    rows, columns = ratio_matches(queries, references, max_ratio=0.8)
    assert len(expected) >= 10
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


@pytest.mark.parametrize("counts", [(0, 5), (5, 0), (5, 1)])
def test_ratio_test_without_a_second_neighbor_matches_nothing(counts):
    rows, columns = ratio_matches(*(np.ones((count, 128), np.float32) for count in counts), max_ratio=0.8)
    assert len(rows) == len(columns) == 0


def test_quad_area_refuses_what_no_camera_sees():
    assert quad_area(np.diag([2.0, 3.0, 1.0]), size=(10, 20)) == pytest.approx(1200)
    assert quad_area(np.diag([-1.0, 1.0, 1.0]), size=(10, 20)) == 0  # mirrored
    assert quad_area(np.array([[1, 0, 0], [0, 1, 0], [-0.1, 0, 1.0]]), size=(10, 20)) == 0  # through the horizon


@pytest.mark.shared
def test_the_box_is_found_in_its_scene(opencv_samples):
    names = ("box.png", "home.jpg", "starry_night.jpg")
    matcher = MarkerMatcher([make_marker(name, read_rgb(opencv_samples / name)) for name in names])
    match = matcher.match(read_rgb(opencv_samples / "box_in_scene.png"))
    assert match is not None and match.marker_id == "box.png"
    for name in ("aero1.jpg", "graf1.png", "basketball1.png"):
        assert matcher.match(read_rgb(opencv_samples / name)) is None


@pytest.mark.shared
def test_graffiti_seen_from_the_side_against_the_true_homography(opencv_samples):
    truth = (opencv_samples / "H1to3p.xml").read_text().split("<data>")[1].split("</data>")[0]
    homography = np.array(truth.split(), dtype=float).reshape(3, 3)
    wall = read_rgb(opencv_samples / "graf1.png")
    match = MarkerMatcher([make_marker("wall", wall)]).match(read_rgb(opencv_samples / "graf3.png"))
    outline = np.array([[[0, 0], [800, 0], [800, 640], [0, 640]]], float)
    assert match is not None and wall.shape == (640, 800, 3)
    # px; 2.4 measured here, 2.9 to 4.7 with 500 to 8,000 points in the prototype; other OpenCV versions may differ
    assert corner_errors(match, cv2.perspectiveTransform(outline, homography)[0]).mean() < 15
