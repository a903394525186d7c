from __future__ import annotations

import numpy as np
import pytest
from oracles.tiny_scene import encode, textured, tiny_model

from scanml.errors import GateError
from scanml.export import prove_parity
from scanml.export.parity import compare_answers


def make_answer(boxes, scores, labels, triggers=(0.5,)) -> dict[str, np.ndarray]:
    room = 5 - len(scores)
    return {
        "boxes": np.pad(np.array(boxes, np.float32).reshape(-1, 4), [(0, room), (0, 0)]),
        "scores": np.pad(np.array(scores, np.float32), (0, room)),
        "labels": np.pad(np.array(labels, np.int32), (0, room)),
        "num_detections": np.int32(len(scores)),
        "trigger_probabilities": np.array(triggers, np.float32),
    }


EXPECTED = make_answer([[0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 5, 5]], [0.9, 0.8999, 0.01], [0, 1, 0])


def test_the_largest_differences_are_measured():
    found = make_answer([[0, 0, 10.25, 10], [20, 0, 30, 10]], [0.9, 0.8995], [0, 1], triggers=(0.5005,))
    parity = compare_answers(EXPECTED, found, where="photo")
    assert parity.num_detections == 2 and parity.box_px == 0.25
    np.testing.assert_allclose([parity.score, parity.trigger_probability], [4e-4, 5e-4], atol=1e-6)


def test_near_ties_may_change_places_and_what_scores_little_does_not_count():
    found = make_answer([[20, 0, 30, 10], [0, 0, 10, 10]], [0.9, 0.8999], [1, 0])
    assert compare_answers(EXPECTED, found, where="photo").box_px == 0


@pytest.mark.parametrize(
    "found",
    [
        make_answer([[0, 0, 10.6, 10], [20, 0, 30, 10]], [0.9, 0.8999], [0, 1]),
        make_answer([[0, 0, 10, 10], [20, 0, 30, 10]], [0.9, 0.8980], [0, 1]),
        make_answer([[0, 0, 10, 10], [20, 0, 30, 10]], [0.9, 0.8999], [0, 2]),
        make_answer([[0, 0, 10, 10]], [0.9], [0]),
        make_answer([[0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 10, 10]], [0.9, 0.8999, 0.06], [0, 1, 0]),
        make_answer([[0, 0, 10, 10], [20, 0, 30, 10]], [0.9, 0.8999], [0, 1], triggers=(0.502,)),
        make_answer([[0, 0, 10, 10], [20, 0, 30, 10]], [0.9, 0.8999], [0, 1], triggers=(np.nan,)),
        make_answer([[0, 0, 10, 10], [20, 0, 30, 10]], [0.9, 0.8999], [0, 1], triggers=(0.5, 0.5)),
    ],
    ids=["box", "score", "label", "missing", "surplus", "trigger", "not a number", "other triggers"],
)
def test_a_difference_that_matters_is_refused(found):
    with pytest.raises(GateError, match="photo"):
        compare_answers(EXPECTED, found, where="photo")


def test_the_saved_model_of_other_weights_is_refused(bundle_folder):
    images = {"photo.jpg": encode(textured(np.random.default_rng(2), 80, 90), "JPEG")}
    with pytest.raises(GateError, match=r"photo\.jpg"):
        prove_parity(bundle_folder / "scene" / "1", tiny_model(seed=1), images)


def test_nothing_to_compare_proves_nothing(bundle_folder):
    with pytest.raises(GateError, match="at least one picture"):
        prove_parity(bundle_folder / "scene" / "1", tiny_model(), {})
