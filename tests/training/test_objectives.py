import numpy as np
import pytest
from keras import ops
from oracles.gradients import gradient
from oracles.tiny_training import CONFIGS, LABELS, batch

from scanml.models import SceneDetector
from scanml.ops.targets import assign
from scanml.training.objectives import BOX_WEIGHT, DISTRIBUTION_WEIGHT, detector_objective


@pytest.fixture(scope="module")
def model():
    return SceneDetector(CONFIGS["detector"], LABELS)


@pytest.fixture
def outputs(rng, model):
    count, bins = len(model.centers), CONFIGS["detector"].num_bins
    return {
        "class_logits": rng.normal(-2, 1, (4, count, 2)).astype(np.float32),
        "box_logits": rng.normal(0, 1, (4, count, 4, bins)).astype(np.float32),
    }


def slopes(model, outputs, truth):
    """Gradients of the loss with respect to both outputs."""
    objective = detector_objective(model)
    return {
        name: gradient(lambda value, name=name: objective(outputs | {name: value}, truth)["loss"], value)
        for name, value in outputs.items()
    }


def without_truth(truth):
    return truth | {"labels": np.full_like(truth["labels"], -1), "crowd": np.zeros_like(truth["crowd"])}


def test_the_loss_is_the_weighted_sum_of_its_terms(model, outputs):
    terms = {name: float(value) for name, value in detector_objective(model)(outputs, batch(0)).items()}
    total = terms["class_loss"] + BOX_WEIGHT * terms["box_loss"] + DISTRIBUTION_WEIGHT * terms["distribution_loss"]
    assert terms["loss"] == pytest.approx(total, rel=1e-5)  # float32
    assert terms["truths_without_location"] == 0


def true_answer(model, truth):
    """Outputs that are as right as the bins allow."""
    bins = CONFIGS["detector"].num_bins
    outputs = {
        "class_logits": np.full((4, len(model.centers), 2), -9, np.float32),
        "box_logits": np.zeros((4, len(model.centers), 4, bins), np.float32),
    }
    for image, place in zip(*np.nonzero((truth["labels"] >= 0) & ~truth["crowd"]), strict=True):
        box, label = truth["boxes"][image, place], truth["labels"][image, place]
        inside = ((model.centers > box[:2]) & (model.centers < box[2:])).all(axis=1)
        sides = np.concatenate([model.centers - box[:2], box[2:] - model.centers], axis=1) / model.strides[:, None]
        outputs["class_logits"][image, inside, label] = 9
        spread = 1 - np.abs(np.clip(sides, 0, bins - 1)[..., None] - np.arange(bins))
        outputs["box_logits"][image, inside] = np.log(np.maximum(spread, 1e-6))[inside]
    return outputs


def test_the_true_answer_costs_almost_nothing(model):
    truth = batch(0)
    outputs = true_answer(model, truth)
    terms = {name: float(value) for name, value in detector_objective(model)(outputs, truth).items()}
    assert terms["box_loss"] < 0.01
    assert terms["class_loss"] < 0.1


def test_without_truth_every_score_falls_and_no_box_moves(model, outputs):
    found = slopes(model, outputs, without_truth(batch(0)))
    assert (found["class_logits"] > 0).all()
    assert not found["box_logits"].any()


def test_in_a_crowd_nothing_is_learned(model, outputs):
    truth = without_truth(batch(0))
    truth["boxes"][:, 0], truth["labels"][:, 0], truth["crowd"][:, 0] = (0, 0, 32, 64), 1, True
    found = slopes(model, outputs, truth)["class_logits"]
    inside = model.centers[:, 0] < 32
    assert not found[:, inside].any()
    assert found[:, ~inside].all()


def test_a_truth_between_the_locations_is_counted(model, outputs):
    truth = without_truth(batch(0))
    truth["boxes"][0, 0], truth["labels"][0, 0] = (5, 5, 11, 7), 0  # the nearest centers are 4 and 12
    assert float(detector_objective(model)(outputs, truth)["truths_without_location"]) == 1


@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_extreme_outputs_have_finite_slopes(model, outputs, logit):
    extreme = {name: np.where(value > 0, logit, -logit).astype(np.float32) for name, value in outputs.items()}
    for slope in slopes(model, extreme, batch(0)).values():
        assert np.isfinite(slope).all()


def test_targets_do_not_carry_gradients(model, outputs):
    """Class targets come from predicted boxes; if they carried a slope, background boxes would get one too."""
    truth = batch(0)
    found = slopes(model, outputs, truth)["box_logits"]
    inside = np.zeros(found.shape[:2], bool)
    for image, place in zip(*np.nonzero(truth["labels"] >= 0), strict=True):
        box = truth["boxes"][image, place]
        inside[image] |= ((model.centers > box[:2]) & (model.centers < box[2:])).all(axis=1)
    assert not found[~inside].any()
    assert np.asarray(ops.any(found[inside] != 0))


def test_terms_are_sums_over_locations_divided_by_the_quality_of_all_targets(model, outputs):
    """Not by how many locations are positive: a location that fits badly counts little, above and below the line."""
    truth = batch(0)
    outputs["box_logits"] += true_answer(model, truth)["box_logits"]  # nearly right, so that the quality exceeds 1
    probabilities = 1 / (1 + np.exp(-outputs["class_logits"].astype(np.float64)))
    boxes = model.decode(outputs)
    targets = {n: np.asarray(v, np.float64) for n, v in assign(probabilities, boxes, truth, model.centers).items()}
    gap, logits = targets["class_targets"] - probabilities, outputs["class_logits"].astype(np.float64)
    costs = gap**2 * (np.logaddexp(0, logits) - logits * targets["class_targets"])
    quality, count = targets["class_targets"].sum(), targets["positive"].sum()
    assert 1 < quality < 0.9 * count
    costs = (costs * (1 - targets["ignored"])[..., None]).sum() / quality
    found = float(detector_objective(model)(outputs, truth)["class_loss"])
    assert found == pytest.approx(costs, rel=1e-4)  # float32 sums over some hundred locations
