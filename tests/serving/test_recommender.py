from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from oracles.tiny_scene import LENSES, draw_marker, encode, photo_of_marker, textured

from scanml.errors import ArtifactError, ConfigError, DataError
from scanml.serving import Recommender, rank


@pytest.fixture(scope="module")
def recommender(bundle_folder) -> Recommender:
    return Recommender(bundle_folder)


def test_the_lens_of_a_marker_in_the_photo_comes_first(recommender):
    result = recommender.recommend(encode(photo_of_marker(draw_marker(1)), "JPEG", orientation=1), "photo")
    assert result.reading.marker is not None and result.reading.marker.marker_id == "red-poster"
    corners = [[150, 80], [330, 80], [330, 320], [150, 320]]
    np.testing.assert_allclose(result.reading.marker.corners(), corners, atol=2)  # px; drawn there, unscaled
    assert (result.lenses[0].lens_id, result.lenses[0].reason) == ("red", "marker")


def test_without_a_marker_the_rule_ranks_what_the_model_read(recommender, rng):
    data = encode(textured(rng, 60, 80), "PNG")
    result = recommender.recommend(data, "photo", top_k=2)
    assert result.reading.marker is None
    assert result.reading.frame_id == "photo"
    expected = rank(result.reading, recommender.catalog, thresholds=recommender.scene.thresholds, top_k=2)
    assert result.lenses == expected and len(result.lenses) == 2
    assert {lens.lens_id for lens in recommender.catalog.lenses} == {lens.lens_id for lens in LENSES}


def test_every_stage_is_timed(recommender, rng):
    seconds = recommender.recommend(encode(textured(rng, 60, 80), "JPEG"), "photo").seconds
    assert list(seconds) == ["decode", "scene", "markers", "rank"] and min(seconds.values()) > 0


def test_a_broken_photo_is_named(recommender):
    with pytest.raises(DataError, match=r"holiday\.jpg"):
        recommender.recommend(b"no picture", "holiday.jpg")


def test_a_bundle_without_lenses_says_how_to_write_them(bundle_folder, tmp_path, rng):
    copy = shutil.copytree(bundle_folder, tmp_path / "bundle")
    manifest = json.loads((copy / "manifest.json").read_text())["manifest"]
    (copy / "lenses" / "lenses.json").unlink()
    with pytest.raises(ArtifactError, match=r"lenses\.json: the manifest lists this file"):
        Recommender(copy)
    write_manifest_without(copy, manifest, "lenses/lenses.json")
    with pytest.raises(ConfigError, match=r'lenses/lenses\.json.*"lens_id": "astronaut"'):
        Recommender(copy)
    (copy / "lenses" / "lenses.json").write_text('[{"lens_id": "mine", "name": "Mine"}]')
    result = Recommender(copy).recommend(encode(textured(rng, 60, 80), "JPEG"), "photo")
    assert [lens.lens_id for lens in result.lenses] == ["mine"]


def write_manifest_without(folder, values, name) -> None:
    from scanml.config import from_json
    from scanml.export import Manifest

    del values["files"][name]
    (folder / "manifest.json").write_text(from_json(Manifest, values).to_text())
