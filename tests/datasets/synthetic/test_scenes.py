"""Truth is exact: boxes bound masks, masks are where objects were drawn, triggers say what is there."""

import numpy as np
import pytest

from scanml.datasets.synthetic import CLASS_NAMES, TRIGGER_NAMES, ScenePlan, draw_scene
from scanml.datasets.synthetic.backgrounds import Setting


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng([11, index])) for index in range(60)]


def brute_force_box(mask):
    """The oracle: every visible pixel in turn."""
    pixels = [(x, y) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]]
    xs, ys = [x for x, _ in pixels], [y for _, y in pixels]
    return [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


def test_boxes_bound_the_visible_pixels_exactly(scenes):
    for scene in scenes[:8]:
        np.testing.assert_array_equal(scene.boxes.xyxy, [brute_force_box(mask) for mask in scene.masks])


def test_no_pixel_belongs_to_two_objects(scenes):
    assert all((scene.masks.sum(axis=0) <= 1).all() for scene in scenes)


def test_scenes_hold_one_to_six_objects_of_many_kinds(scenes):
    counts = {len(scene.boxes) for scene in scenes}
    assert {2, 3, 4, 5, 6} <= counts <= {1, 2, 3, 4, 5, 6}
    assert {int(label) for scene in scenes for label in scene.labels} == set(range(len(CLASS_NAMES)))


def test_drink_is_present_exactly_where_a_mug_or_bottle_is_visible(scenes):
    for scene in scenes:
        names = {CLASS_NAMES[label] for label in scene.labels}
        assert ("drink" in scene.present) == bool(names & {"mug", "bottle"})
        assert ("balloon" in names) <= ("party" in scene.present)
        assert scene.present <= set(TRIGGER_NAMES)


def test_every_trigger_is_neither_rare_nor_everywhere(scenes):
    for name in TRIGGER_NAMES:
        assert 0.08 < np.mean([name in scene.present for scene in scenes]) < 0.85


def test_masks_lie_where_the_pixels_are():
    setting = Setting(ground="table", horizon=0.5)
    plan = ScenePlan(setting=setting, kinds=("mug",), sides_px=(80, 81), camera_strength=0.0)
    with_mug = draw_scene(np.random.default_rng(4), plan)
    without = draw_scene(np.random.default_rng(4), ScenePlan(setting=setting, kinds=(), camera_strength=0.0))
    changed = (with_mug.pixels != without.pixels).any(axis=2)
    assert changed[with_mug.masks[0]].mean() > 0.99
    left, top, right, _ = with_mug.boxes.xyxy[0].astype(int)
    above = changed[: top - 1].sum() + changed[: top + 10, : left - 1].sum() + changed[: top + 10, right + 1 :].sum()
    assert above == 0  # nothing is drawn above the mug or beside its rim; cloth and shadow lie at its foot


def test_a_poster_comes_with_its_homography_and_without_a_box():
    plan = ScenePlan(setting=Setting(ground="grass", horizon=0.0), kinds=(), marker_id="peak-cola", poster_share=0.3)
    scene = draw_scene(np.random.default_rng(0), plan)
    assert scene.marker_id == "peak-cola"
    assert scene.homography.shape == (3, 3)
    assert scene.boxes.xyxy.shape == (0, 4)
    assert scene.masks.shape == (0, 240, 320)


def test_some_random_scenes_have_posters_and_others_not():
    scenes = [draw_scene(np.random.default_rng([12, index])) for index in range(80)]
    assert 2 <= sum(scene.marker_id is not None for scene in scenes) <= 20
