"""One look at every picture: size, hash, boxes that fit the upright pixels, or a finding that names it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from oracles.data_folder import picture, write_pictures
from oracles.encoded import encode
from PIL import Image

from scanml.datasets.coco import RawImage
from scanml.datasets.images import decode_image, pixel_hash
from scanml.datasets.scan import Scanned, odd_pictures, scan


def raw(path, *, size=(40, 60), xywh=((5.0, 6.0, 20.0, 10.0),)):
    return RawImage(Path(path), Path(path).name, 3, size[1], size[0], xywh=tuple(xywh), labels=(0,), crowd=(False,))


def one(image, **options):
    (result,) = scan([image], title="", **options)
    return result


def write_turned(path, turn):
    """A picture stored 40×60 whose left upper corner (0…20, 0…10 of the stored pixels) is white, the rest black."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:10, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(path, exif=exif)


def white_box(path):
    rows, columns = np.nonzero(decode_image(path.read_bytes(), where="")[..., 0] > 128)
    return [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]


def test_a_sound_picture_is_measured(tmp_path):
    write_pictures(tmp_path, ["a.png"])
    seen = one(raw(tmp_path / "a.png"))
    assert isinstance(seen, Scanned)
    assert seen.size == (40, 60)
    assert seen.pixel_hash == pixel_hash(picture(0))
    assert len(seen.look) == 4
    np.testing.assert_array_equal(seen.xyxy, [[5, 6, 25, 16]])


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_boxes_written_for_the_stored_pixels_are_turned_along(tmp_path, turn):
    path = tmp_path / "a.png"
    write_turned(path, turn)
    seen = one(raw(path, size=(40, 60), xywh=[(0, 0, 20, 10)]))
    assert seen.size == (60, 40)
    np.testing.assert_array_equal(seen.xyxy, white_box(path))


@pytest.mark.parametrize("turn", [2, 3, 4, 5, 6, 7, 8])
def test_boxes_written_for_the_upright_pixels_stay(tmp_path, turn):
    path = tmp_path / "a.png"
    write_turned(path, turn)
    left, top, right, bottom = map(float, white_box(path)[0])
    size = (60, 40) if turn >= 5 else (40, 60)
    seen = one(raw(path, size=size, xywh=[(left, top, right - left, bottom - top)]))
    np.testing.assert_array_equal(seen.xyxy, white_box(path))


def test_a_size_that_fits_neither_way_is_a_finding(tmp_path):
    write_turned(tmp_path / "a.png", 6)
    finding = one(raw(tmp_path / "a.png", size=(41, 60)))
    assert (finding.severity, finding.where) == ("error", "image 'a.png' (id 3)")
    assert "the picture is 40×60, its record says 60×41" in finding.problem


def test_a_picture_without_a_record_of_its_size_is_taken_as_it_is(tmp_path):
    write_turned(tmp_path / "a.png", 6)
    assert one(RawImage(tmp_path / "a.png", "a.png", 1, 0, 0)).size == (60, 40)


@pytest.mark.parametrize(
    ("xywh", "expected"),
    [
        ((-3, -2, 10, 10), [0, 0, 7, 8]),
        ((50, 30, 100, 100), [50, 30, 60, 40]),
        ((-1e307, -1e307, 1e308, 1e308), [0, 0, 60, 40]),
    ],
)
def test_boxes_are_clipped_to_the_picture(tmp_path, xywh, expected):
    write_pictures(tmp_path, ["a.png"])
    np.testing.assert_array_equal(one(raw(tmp_path / "a.png", xywh=[xywh])).xyxy, [expected])


def test_a_picture_without_boxes_has_an_empty_array(tmp_path):
    write_pictures(tmp_path, ["a.png"])
    assert one(raw(tmp_path / "a.png", xywh=())).xyxy.shape == (0, 4)


def test_what_is_missing_damaged_or_too_large_is_named_and_the_rest_is_seen(tmp_path):
    write_pictures(tmp_path, ["good.png", "cut.png"])
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-30])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    names = ["missing.png", "cut.png", "text.png", "folder.png", "good.png", "x" * 300]
    results = scan([raw(tmp_path / name) for name in names], title="")
    assert [result.kind for result in results if not isinstance(result, Scanned)] == [
        "picture that is missing",
        "picture that cannot be read",
        "picture that cannot be read",
        "picture that cannot be read",
        "picture that cannot be read",
    ]
    assert [isinstance(result, Scanned) for result in results] == [False, False, False, False, True, False]
    for name, result in zip(names, results, strict=True):
        assert isinstance(result, Scanned) or name in result.problem
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((1001, 1000, 3), np.uint8))
    assert "megapixels" in one(raw(tmp_path / "large.png", size=(1001, 1000)), max_megapixels=1).problem


def test_a_link_inside_the_folder_is_followed_as_data_tools_keep_pictures_that_way(tmp_path):
    write_pictures(tmp_path / "store", ["a.png"])
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").symlink_to(tmp_path / "store" / "a.png")
    assert isinstance(one(raw(tmp_path / "images" / "a.png")), Scanned)


def test_a_picture_of_another_size_is_shown_with_its_first_box(tmp_path):
    write_pictures(tmp_path, ["a.png"])
    finding = one(raw(tmp_path / "a.png", size=(80, 120)))
    assert finding.kind == "picture of another size than its record says"
    (spot,) = finding.spots
    assert (spot.path, spot.box, spot.size) == (tmp_path / "a.png", (5, 6, 25, 16), (120, 80))


def test_what_is_not_plain_color_is_a_warning_each(tmp_path):
    kinds = {"plain": "RGB", "print": "CMYK", "scan": "L"}
    for name, mode in kinds.items():
        (tmp_path / f"{name}.jpg").write_bytes(encode("JPEG", mode=mode))
    cv2.imwrite(str(tmp_path / "deep.png"), picture(0)[..., 0].astype(np.uint16) << 8)
    paths = [tmp_path / f"{name}.jpg" for name in kinds] + [tmp_path / "deep.png"]
    findings = list(odd_pictures(scan([raw(path) for path in paths], title="")))
    assert [(finding.spots[0].path.stem, finding.kind) for finding in findings] == [
        ("print", "CMYK picture"),
        ("scan", "gray picture"),
        ("deep", "16-bit picture"),
        ("deep", "gray picture"),
    ]
    assert {finding.severity for finding in findings} == {"warning"}
