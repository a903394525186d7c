"""Posters are rich enough to be found, and hang where their homography says."""

import cv2
import numpy as np
import pytest

from scanml.datasets.synthetic import MARKER_IDS, draw_poster
from scanml.datasets.synthetic.posters import POSTER_SIZE, choose_homography, hang_poster


@pytest.mark.parametrize("marker_id", MARKER_IDS)
def test_posters_have_plenty_of_keypoints(marker_id):
    poster = draw_poster(marker_id)
    assert poster.shape == (*POSTER_SIZE, 3)
    half = cv2.resize(poster, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # about its size in a frame
    assert len(cv2.SIFT_create().detect(poster, None)) >= 150
    assert len(cv2.SIFT_create().detect(half, None)) >= 150


def test_a_poster_is_always_the_same():
    np.testing.assert_array_equal(draw_poster("peak-cola"), draw_poster("peak-cola"))


def test_a_poster_covers_its_share_of_the_frame_and_lies_inside():
    for seed in range(30):
        homography = choose_homography(np.random.default_rng(seed), image_size=(240, 320), share=0.3)
        outline = np.array([[[0, 0], [300, 0], [300, 420], [0, 420]]], np.float64)
        corners = cv2.perspectiveTransform(outline, homography)[0]
        assert corners.min() >= -1e-3  # float32 corners
        assert (corners <= [320 + 1e-3, 240 + 1e-3]).all()
        area = cv2.contourArea(corners.astype(np.float32)) / (240 * 320)
        assert 0.26 < area < 0.34  # each corner moves by at most 5 % of a half side


def test_the_homography_says_where_a_poster_point_is_seen():
    poster = np.zeros((*POSTER_SIZE, 3), np.uint8)
    cv2.circle(poster, (90, 300), 12, (255, 0, 0), -1)
    homography = choose_homography(np.random.default_rng(2), image_size=(240, 320), share=0.4)
    frame = np.zeros((240, 320, 3), np.uint8)
    cover = hang_poster(frame, poster, homography)
    rows, columns = np.nonzero(frame[..., 0] > 127)
    expected = cv2.perspectiveTransform(np.array([[[90.0, 300.0]]]), homography)[0, 0]
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=1.0)  # halving shifts by half a pixel
    assert abs(cover.mean() - 0.4) < 0.05
