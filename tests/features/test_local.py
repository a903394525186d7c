from __future__ import annotations

import cv2
import numpy as np
import pytest

from scanml.errors import ConfigError, DataError
from scanml.features.config import LocalConfig
from scanml.features.local import extract_local, shrink


def draw_disks(seed: int, *, size: tuple[int, int] = (360, 480), count: int = 250) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = np.full((*size, 3), 128, np.uint8)
    for _ in range(count):
        center = (int(rng.integers(size[1])), int(rng.integers(size[0])))
        cv2.circle(pixels, center, int(rng.integers(3, 25)), rng.integers(0, 256, 3).tolist(), -1, cv2.LINE_AA)
    return pixels


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 7), (15, 200), (64, 64)])
def test_blank_and_tiny_pictures_have_no_features(size):
    features = extract_local(np.full((*size, 3), 200, np.uint8), max_points=50)
    assert features.points_xy.shape == (0, 2)
    assert features.descriptors.shape == (0, 128)


def test_a_sliver_whose_short_side_vanishes_has_no_features():
    noise = np.random.default_rng(0).integers(0, 256, (5000, 20, 3), dtype=np.uint8)
    assert len(extract_local(noise, max_points=50)) == 0


def test_root_sift_is_the_square_root_of_the_normalized_sift():
    pixels = draw_disks(1)
    features = extract_local(pixels, max_points=100)
    sift = cv2.SIFT.create(enable_precise_upscale=True)
    keypoints, plain = sift.detectAndCompute(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), None)
    places = (np.array([keypoint.pt for keypoint in keypoints], np.float32) + np.float32(0.5)).tolist()
    by_place: dict[tuple[float, float], list[list[float]]] = {(x, y): [] for x, y in places}
    for (x, y), row in zip(places, plain, strict=True):
        by_place[x, y].append([(value / row.sum()) ** 0.5 for value in row])
    for (x, y), ours in zip(features.points_xy.tolist(), features.descriptors, strict=True):
        # one place may have several orientations; 1e-5: float32 sums of 128 terms
        assert min(np.abs(ours - np.array(other)).max() for other in by_place[x, y]) < 1e-5
    np.testing.assert_allclose((features.descriptors**2).sum(axis=1), 1, atol=1e-5)


def test_the_same_picture_gives_the_same_features():
    first, second = (extract_local(draw_disks(2), max_points=80) for _ in range(2))
    np.testing.assert_array_equal(first.points_xy, second.points_xy)
    np.testing.assert_array_equal(first.descriptors, second.descriptors)


@pytest.mark.parametrize("max_points", [0, 1, 40])
def test_at_most_max_points_are_kept(max_points):
    assert len(extract_local(draw_disks(3), max_points=max_points)) == max_points


def test_a_strong_corner_does_not_take_all_points():
    pixels = draw_disks(4)
    pixels[:180, :240] = draw_disks(5, size=(180, 240), count=900)  # far more, and stronger, points in one quarter
    pixels[180:] = pixels[180:] // 8 + 112  # weak contrast below
    shares = []
    for grid in (1, 6):
        points = extract_local(pixels, max_points=72, config=LocalConfig(grid=grid)).points_xy
        shares.append(float(((points[:, 0] < 240) & (points[:, 1] < 180)).mean()))
    # One cell: the strongest win. 36: the quarter's 9 cells get 4 points each, half of 72, while others have any.
    assert shares[1] <= 0.5 < shares[0]


def test_a_large_picture_is_measured_small_and_its_points_scaled_back():
    small = draw_disks(6)
    large = cv2.resize(small, (1920, 1440), interpolation=cv2.INTER_CUBIC)
    near = extract_local(small, max_points=100).points_xy * 4
    far = extract_local(large, max_points=400).points_xy
    distance = np.linalg.norm(near[:, None] - far[None], axis=2).min(axis=1)
    assert far.max() > 1000
    # 640 of 1920 is one pixel in three, 480 of 1920 one in four: keypoints agree to about half of such a pixel.
    assert np.median(distance) < 2.0


def test_points_of_a_mirrored_picture_are_mirrored_about_its_middle():
    pixels = draw_disks(7)
    points = extract_local(pixels, max_points=100).points_xy
    mirrored = extract_local(np.ascontiguousarray(pixels[:, ::-1]), max_points=100).points_xy
    mirrored = np.stack([480 - mirrored[:, 0], mirrored[:, 1]], axis=1)
    offsets = np.array([(mirrored - point)[np.abs(mirrored - point).sum(axis=1).argmin()] for point in points])
    assert np.abs(np.median(offsets, axis=0)).max() < 0.05  # a wrong pixel center would show as 1 px


def test_shrink_never_enlarges_and_keeps_at_least_one_pixel():
    assert shrink(np.zeros((30, 40, 3), np.uint8), max_side_px=640).shape == (30, 40, 3)
    assert shrink(np.zeros((4000, 2, 3), np.uint8), max_side_px=100).shape == (100, 1, 3)


@pytest.mark.parametrize("pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))])
def test_anything_but_rgb_bytes_is_refused(pixels):
    with pytest.raises(DataError, match=r"uint8 \(H, W, 3\), received"):
        extract_local(pixels, max_points=10)


def test_a_config_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="grid"):
        LocalConfig(grid=0)
    with pytest.raises(ConfigError, match=r"LocalConfig\.grid: expected int"):
        LocalConfig(grid=1.5)
