from __future__ import annotations

import shutil

import numpy as np
import pytest
from oracles.tiny_scene import LABELS, encode, textured, tiny_model

from scanml.datasets import decode_image
from scanml.errors import ArtifactError, DataError
from scanml.serving import SceneBundle
from scanml.structures import Frame


@pytest.fixture(scope="module")
def scene(bundle_folder) -> SceneBundle:
    return SceneBundle(bundle_folder)


def test_frames_and_bytes_are_read_as_the_model_in_memory_reads_them(scene, rng):
    data = encode(textured(rng, 70, 100), "JPEG", orientation=6)
    frame = Frame(decode_image(data, where="photo"), "photo")
    assert scene.labels == LABELS
    expected = tiny_model().read([frame])[0]
    for reading in (scene.read([frame])[0], scene.read_bytes(data, "photo")):
        assert reading.frame_id == "photo" and reading.detections.boxes.image_size == (100, 70)
        assert len(reading.detections) == len(expected.detections) > 5
        np.testing.assert_allclose(reading.detections.scores, expected.detections.scores, atol=1e-3)
        np.testing.assert_allclose(reading.triggers.scores, expected.triggers.scores, atol=1e-3)


def test_frames_of_several_sizes_keep_their_order(scene, rng):
    frames = [Frame(textured(rng, 30 + i, 50), str(i)) for i in range(3)]
    assert [reading.frame_id for reading in scene.read(frames)] == ["0", "1", "2"]
    assert scene.read([]) == []


@pytest.mark.parametrize("cut", [0, 20, -300])
def test_a_broken_picture_is_named(scene, rng, cut):
    data = encode(textured(rng, 70, 100), "JPEG")
    with pytest.raises(DataError, match=r"holiday\.jpg"):
        scene.read_bytes(data[:cut], "holiday.jpg")


def test_a_bundle_whose_model_was_changed_is_not_loaded(bundle_folder, tmp_path):
    copy = shutil.copytree(bundle_folder, tmp_path / "bundle")
    with (copy / "scene" / "1" / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtifactError, match=r"saved_model\.pb: has changed"):
        SceneBundle(copy)
