"""A finding's picture has the box where the label says, whatever the file is."""

import io

import numpy as np
import pytest
from PIL import Image

from scanml.evaluation.finding_pictures import finding_picture
from scanml.structures import Finding, Spot


def shown(*spots, severity="error", max_megapixels=1):
    drawn = finding_picture(Finding(severity, "a", "b", "c", "d", spots), max_megapixels=max_megapixels)
    return np.asarray(Image.open(io.BytesIO(drawn)), int)


def write(path, size=(300, 400), turn=None):
    """A picture that is blue throughout: what is red was drawn."""
    exif = Image.Exif()
    if turn:
        exif[0x0112] = turn
    Image.fromarray(np.full((*size, 3), (20, 40, 200), np.uint8)).save(path, exif=exif)
    return path


def red_extent(pixels):
    """left, top, right, bottom of what is red."""
    rows, columns = np.nonzero((pixels[..., 0] > 180) & (pixels[..., 2] < 120))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def is_blue(pixels):
    return (pixels[..., 2] > 150) & (pixels[..., 0] < 80)


def test_a_picture_without_a_box_is_shown_as_it_is(tmp_path):
    pixels = shown(Spot(write(tmp_path / "a.png")))
    assert pixels.shape == (315, 420, 3)
    assert is_blue(pixels).all()


def test_a_box_is_where_its_label_says(tmp_path):
    pixels = shown(Spot(write(tmp_path / "a.png"), (100, 60, 300, 240), (400, 300)))
    # to the pixels that a line is wide
    np.testing.assert_allclose(red_extent(pixels), np.array([100, 60, 300, 240]) * 420 / 400, atol=3)


def test_a_box_for_the_stored_pixels_is_turned_upright(tmp_path):
    spot = Spot(write(tmp_path / "a.png", turn=6), (0, 0, 200, 150), (400, 300))
    pixels = shown(spot)
    assert pixels.shape == (420, 315, 3)
    np.testing.assert_allclose(red_extent(pixels), np.array([150, 0, 300, 200]) * 420 / 400, atol=3)


def test_a_small_box_is_shown_enlarged(tmp_path):
    pixels = shown(Spot(write(tmp_path / "a.png"), (200, 150, 202, 152), (400, 300)))
    left, top, right, bottom = red_extent(pixels)
    assert right - left > 12 and bottom - top > 12
    assert abs((left + right) / 2 - 210) < 5


@pytest.mark.parametrize("box", [(500, 100, 520, 120), (-100, 50, 100, 200), (1e30, 0, 1e31, 5), (50, 20, 50, 200)])
def test_a_box_beside_its_picture_is_shown_with_the_picture(tmp_path, box):
    pixels = shown(Spot(write(tmp_path / "a.png"), box, (400, 300)))
    assert is_blue(pixels).sum() > 10_000
    assert max(pixels.shape) == 420
    assert red_extent(pixels)


def test_a_pair_stands_side_by_side_and_what_cannot_be_read_is_a_sheet(tmp_path):
    (tmp_path / "b.png").write_text("no picture")
    pixels = shown(Spot(write(tmp_path / "a.png")), Spot(tmp_path / "b.png"), Spot(tmp_path / "none.png"))
    assert pixels.shape[1] == pytest.approx(800, abs=1)  # of 3 · 420 + 2 · 8
    assert is_blue(pixels[:, :200]).mean() > 0.9
    assert not is_blue(pixels[:, 280:]).any()
    assert (pixels[:, 280:].min(axis=2) < 150).any()  # ink


def test_a_size_that_nobody_knows_is_that_of_the_picture(tmp_path):
    spot = Spot(write(tmp_path / "a.png"), (100, 60, 300, 240), (float("inf"), 300))
    np.testing.assert_allclose(red_extent(shown(spot)), np.array([100, 60, 300, 240]) * 420 / 400, atol=3)


def test_a_picture_is_as_large_as_the_limit_allows(tmp_path):
    spot = Spot(write(tmp_path / "a.png", (1000, 1001)))
    assert not is_blue(shown(spot)).any()
    assert is_blue(shown(spot, max_megapixels=2)).all()


@pytest.mark.filterwarnings("error")
def test_a_box_of_the_largest_numbers_is_drawn_without_a_warning(tmp_path):
    assert shown(Spot(write(tmp_path / "a.png"), (0, 0, 1e308, float("inf")), (400, 300))).size
