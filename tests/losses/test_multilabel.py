import math

import numpy as np
import pytest
from oracles.gradients import gradient

from scanml.losses import asymmetric_loss

CLASSIC = {"gamma_positive": 0.0, "gamma_negative": 0.0, "margin": 0.0}  # binary cross-entropy


def naive_asymmetric(logits, present, known, *, gamma_positive, gamma_negative, margin):
    losses = []
    for logit, there, counts in zip(logits.ravel(), present.ravel(), known.ravel(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        shifted = max(p - margin, 0.0)
        on, off = -((1 - p) ** gamma_positive) * math.log(p), -(shifted**gamma_negative) * math.log(1 - shifted)
        if counts:
            losses.append(on if there else off)
    return sum(losses) / len(losses)


def labels(rng, shape=(6, 5)):
    return rng.normal(0, 3, shape).astype(np.float32), rng.random(shape) < 0.4, rng.random(shape) < 0.7


@pytest.mark.parametrize(
    "options",
    [
        CLASSIC,
        {"gamma_positive": 0.0, "gamma_negative": 4.0, "margin": 0.05},
        {"gamma_positive": 1.0, "gamma_negative": 2.0, "margin": 0.2},
    ],
    ids=["cross-entropy", "paper", "other"],
)
def test_asymmetric_loss_number_by_number(rng, options):
    logits, present, known = labels(rng)
    expected = naive_asymmetric(logits.astype(float), present, known, **options)
    assert float(asymmetric_loss(logits, present, known, **options)) == pytest.approx(expected, rel=1e-5)  # float32


def test_unknown_labels_have_no_gradient(rng):
    logits, present, known = labels(rng)
    slope = gradient(lambda x: asymmetric_loss(x, present, known), logits)
    assert not slope[~known].any()
    assert slope[known & present].all()


def test_the_value_of_an_unknown_label_does_not_matter(rng):
    logits, present, known = labels(rng)
    other = np.where(known, present, ~present)
    assert float(asymmetric_loss(logits, present, known)) == float(asymmetric_loss(logits, other, known))


def test_the_slope_raises_what_is_present_and_lowers_what_is_absent(rng):
    logits, present, _ = labels(rng)
    slope = gradient(lambda x: asymmetric_loss(x, present, np.ones_like(present)), logits)
    assert (slope[present] < 0).all() and (slope[~present] >= 0).all()


def test_easy_absences_cost_nothing():
    logits = np.array([[-3.0]], np.float32)  # p = 0.047, below the margin of 0.05
    assert float(asymmetric_loss(logits, np.zeros((1, 1)), np.ones((1, 1), bool))) < 1e-30


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("options", [{}, CLASSIC], ids=["default", "cross-entropy"])
def test_extreme_logits_stay_finite(there, options):
    logits = np.array([[-100, -1, 0, 1, 100]], np.float32)
    present, known = np.full_like(logits, there), np.ones(logits.shape, bool)
    assert np.isfinite(float(asymmetric_loss(logits, present, known, **options)))
    assert np.isfinite(gradient(lambda x: asymmetric_loss(x, present, known, **options), logits)).all()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 3)])
def test_nothing_known_is_a_loss_of_zero(shape):
    zeros = np.zeros(shape, np.float32)
    assert float(asymmetric_loss(zeros, zeros, np.zeros(shape, bool))) == 0
