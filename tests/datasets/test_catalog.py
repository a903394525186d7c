from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanml.datasets.catalog import check_catalog, load_lenses, load_markers
from scanml.errors import DataError
from scanml.structures import Lens, LensCatalog

MOON = {
    "lens_id": "moon",
    "name": "Moon",
    "triggers": {"sky": 0.8},
    "objects": ["dog"],
    "marker_ids": ["poster"],
    "popularity": 0.5,
}


def write_lenses(folder: Path, content: object) -> Path:
    path = folder / "lenses.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def write_texture(path: Path, *, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (30, 24, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (240, 300), interpolation=cv2.INTER_CUBIC))


def test_lenses_are_read_as_written(tmp_path):
    catalog = load_lenses(write_lenses(tmp_path, [MOON, {"lens_id": "plain", "name": "Plain"}]))
    assert [lens.lens_id for lens in catalog.lenses] == ["moon", "plain"]
    assert catalog.lenses[0].to_json() == MOON
    assert catalog.lenses[1] == Lens("plain", "Plain")


def test_an_empty_list_is_an_empty_catalogue(tmp_path):
    assert len(load_lenses(write_lenses(tmp_path, []))) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("lenses:", "line 1"),
        (json.dumps([MOON])[:-5], "truncated"),
        (MOON, "expected a list of lenses, received a JSON dict"),
        ([MOON, 7], r"\[1\]: expected an object .* received 7"),
        ([{"name": "Moon"}], r"\[0\]: lens_id missing, found 'name'"),
        ([{}], r"\[0\]: lens_id and name missing"),
        ([MOON | {"popularity": "high"}], r"\[0\]\.popularity: expected float, received 'high'"),
        ([MOON | {"popularity": True}], r"\[0\]\.popularity: expected float"),
        ([MOON | {"popularity": 7}], r"\[0\]: .*popularity must lie in \[0, 1\]"),
        ([MOON | {"objects": "dog"}], r"\[0\]\.objects: expected a list"),
        ([MOON | {"triggers": ["sky"]}], r"\[0\]\.triggers: expected an object"),
        ([MOON | {"triggers": {"sky": None}}], r"\[0\]\.triggers\.sky: expected float"),
        ([MOON | {"triggers": {"sky": -1}}], r"\[0\]: .*trigger weights"),
        ([MOON, MOON | {"lens_id": ""}], r"\[1\]: .*not empty"),
        ([MOON | {"lens_id": 3}], r"\[0\]\.lens_id: expected str"),
        ([MOON | {"marker_id": []}], r"\[0\]: .*no field 'marker_id'; did you mean 'marker_ids'\?"),
        ([MOON, MOON], r"\[1\]: lens_id 'moon' is already that of \[0\]"),
    ],
)
def test_every_defect_names_file_and_record(tmp_path, content, message):
    path = write_lenses(tmp_path, content)
    with pytest.raises(DataError, match=message) as caught:
        load_lenses(path)
    assert str(path) in str(caught.value)


def test_a_missing_lens_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"lenses\.json"):
        load_lenses(tmp_path / "lenses.json")


def test_markers_are_named_by_their_files(tmp_path):
    write_texture(tmp_path / "poster.b.png", seed=1)
    write_texture(tmp_path / "Poster.JPG", seed=2)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "old").mkdir()
    markers = load_markers(tmp_path)
    assert [marker.marker_id for marker in markers] == ["Poster", "poster.b"]
    assert all(marker.pixels.shape == (300, 240, 3) and len(marker.features) >= 48 for marker in markers)


def test_an_empty_folder_has_no_markers(tmp_path):
    assert load_markers(tmp_path) == ()


def test_a_missing_marker_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        load_markers(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_an_unreadable_marker_is_named(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png"):
        load_markers(tmp_path)


def test_a_marker_without_texture_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / "white.png"), np.full((300, 240, 3), 255, np.uint8))
    with pytest.raises(DataError, match=r"white\.png: .*found 0; use a sharp picture with more texture"):
        load_markers(tmp_path)


def test_two_files_of_one_marker_id_are_named(tmp_path):
    for name in ("poster.jpg", "poster.png"):
        write_texture(tmp_path / name)
    with pytest.raises(DataError, match=r"poster\.png: makes the same marker_id as poster\.jpg"):
        load_markers(tmp_path)


def test_names_that_nothing_can_report_are_warned_of():
    lens = Lens("moon", "Moon", triggers={"skye": 1, "sky": 1}, objects=("dgo", "dog"), marker_ids=("postr", "poster"))
    warnings = check_catalog(
        LensCatalog((lens,)), class_names=("cat", "dog"), trigger_names=("sky",), marker_ids=("poster",)
    )
    assert warnings == (
        "lens 'moon': unknown trigger 'skye'; did you mean 'sky'?",
        "lens 'moon': unknown object 'dgo'; did you mean 'dog'?",
        "lens 'moon': unknown marker 'postr'; did you mean 'poster'?",
    )


def test_warnings_say_when_there_is_nothing_to_choose_from():
    warnings = check_catalog(
        LensCatalog((Lens("a", "A", objects=("dog",)),)), class_names=(), trigger_names=(), marker_ids=()
    )
    assert warnings == ("lens 'a': unknown object 'dog'; there are no objects.",)
