"""Whoever sees everything right ranks the expected lens first, with room for doubt."""

import numpy as np
import pytest

from scanml.datasets.synthetic import CLASS_NAMES, LENSES, SHOWCASE, draw_scene

OBJECT_WEIGHT = 0.9  # of a detection's score, by the rule of the recommender


def ideal_scores(scene):
    """The rule of the recommender with every probability 1 or 0; a recognised marker beats everything."""
    seen = {CLASS_NAMES[label] for label in scene.labels}
    scores = {}
    for lens in LENSES.lenses:
        by_trigger = max((w for name, w in lens.triggers.items() if name in scene.present), default=0.0)
        by_object = OBJECT_WEIGHT if seen & set(lens.objects) else 0.0
        by_marker = 2.0 if scene.marker_id in lens.marker_ids else 0.0
        scores[lens.lens_id] = max(by_trigger, by_object, by_marker)
    return scores


@pytest.mark.parametrize("frame", SHOWCASE, ids=lambda frame: frame.name)
def test_the_expected_lens_comes_first_by_a_clear_margin(frame):
    for seed in range(6):
        scores = ideal_scores(draw_scene(np.random.default_rng(seed), frame.plan))
        best, second = sorted(scores.values(), reverse=True)[:2]
        assert scores[frame.expected_lens] == best
        assert best - second >= 0.1


def test_two_frames_show_a_poster_on_a_third_of_the_picture_or_more():
    shares = [frame.plan.poster_share for frame in SHOWCASE if frame.plan.marker_id]
    assert len(SHOWCASE) == 5
    assert len(shares) == 2
    assert all(0.3 <= share <= 0.5 for share in shares)
