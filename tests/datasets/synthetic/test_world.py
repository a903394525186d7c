"""The folder on disk: complete, consistent, the same bytes from the same seed."""

import json

import cv2
import numpy as np
import pytest

from scanml.config import from_json
from scanml.datasets.synthetic import CLASS_NAMES, MARKER_IDS, TRIGGER_NAMES, draw_scene, draw_world
from scanml.errors import ConfigError
from scanml.structures import Lens, LensCatalog

NUM_IMAGES = 40


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    draw_world(folder, num_images=NUM_IMAGES, seed=3)
    return folder


def all_bytes(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def read(path):
    return json.loads(path.read_text())


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        draw_world(str(tmp_path / name), num_images=4, seed=seed)
    assert all_bytes(tmp_path / "a") == all_bytes(tmp_path / "b")
    assert all_bytes(tmp_path / "a") != all_bytes(tmp_path / "c")


def test_an_image_does_not_depend_on_how_many_there_are(world, tmp_path):
    draw_world(tmp_path, num_images=2, seed=3)
    for name in ("000000.jpg", "000001.jpg"):
        assert (tmp_path / "images" / name).read_bytes() == (world / "images" / name).read_bytes()


def test_coco_records_repeat_the_scenes(world):
    coco = read(world / "instances.json")
    ids = [category["id"] for category in coco["categories"]]
    assert [category["name"] for category in coco["categories"]] == list(CLASS_NAMES)
    assert max(ids) > len(ids)  # gaps
    assert [a["id"] for a in coco["annotations"]] == list(range(1, len(coco["annotations"]) + 1))
    for index in range(5):
        scene = draw_scene(np.random.default_rng([3, index]))
        rows = [a for a in coco["annotations"] if a["image_id"] == index + 1]
        np.testing.assert_array_equal([a["bbox"] for a in rows], scene.boxes.to_xywh())
        np.testing.assert_array_equal([a["area"] for a in rows], scene.masks.sum(axis=(1, 2)))
        assert [ids.index(a["category_id"]) for a in rows] == scene.labels.tolist()


def test_every_listed_image_exists_in_its_size(world):
    images = read(world / "instances.json")["images"]
    assert len(images) == len(list((world / "images").iterdir())) == NUM_IMAGES
    for image in images:
        pixels = cv2.imread(str(world / "images" / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3)


def test_jpegs_show_the_scene_in_rgb_order(world):
    scene = draw_scene(np.random.default_rng([3, 0]))
    decoded = cv2.imread(str(world / "images" / "000000.jpg"))[..., ::-1]
    assert np.abs(decoded.astype(int) - scene.pixels).mean() < 12  # noise of sigma 6 does not survive JPEG at 70


def test_triggers_are_true_and_about_a_tenth_is_unknown(world):
    lines = [json.loads(line) for line in (world / "triggers.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == [
        image["file_name"] for image in read(world / "instances.json")["images"]
    ]
    for index, line in enumerate(lines[:10]):
        present = draw_scene(np.random.default_rng([3, index])).present
        assert set(line["present"]) <= present
        assert set(line["absent"]) <= set(TRIGGER_NAMES) - present
    num_known = sum(len(line["present"]) + len(line["absent"]) for line in lines)
    assert 0.84 < num_known / (NUM_IMAGES * len(TRIGGER_NAMES)) < 0.96  # 3 sigma of 320 draws at 0.9: 0.05


def test_lenses_and_markers_fit_together(world):
    catalog = LensCatalog(tuple(from_json(Lens, record) for record in read(world / "lenses.json")))
    assert len(catalog) == 12
    assert {path.stem for path in (world / "markers").iterdir()} == set(MARKER_IDS)


def test_showcase_frames_exist_and_name_known_lenses(world):
    rows = read(world / "frames.json")
    lens_ids = {record["lens_id"] for record in read(world / "lenses.json")}
    assert len(rows) == 5
    for row in rows:
        assert set(row) == {"image", "expected_lens", "why"}
        assert row["expected_lens"] in lens_ids
        assert cv2.imread(str(world / row["image"])).shape == (240, 320, 3)


def test_progress_counts_finished_images(tmp_path):
    seen = []
    draw_world(tmp_path, num_images=3, seed=0, progress=seen.append)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize(("num_images", "seed"), [(0, 0), (3, -1)])
def test_nonsense_is_refused_before_anything_is_written(tmp_path, num_images, seed):
    with pytest.raises(ConfigError, match="draw_world needs"):
        draw_world(tmp_path / "new", num_images=num_images, seed=seed)
    assert not (tmp_path / "new").exists()
