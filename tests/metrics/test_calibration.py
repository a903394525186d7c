import numpy as np
import pytest
from oracles.calibration import naive_calibration_error

from scanml.errors import DataError
from scanml.metrics import calibration_errors, expected_calibration_error, fit_temperature, reliability_curve


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("num_bins", [1, 4, 15])
def test_error_by_hand(rng, ties, num_bins):
    probabilities = rng.random(60).round(1 if ties else 12)
    outcomes = rng.random(60) < probabilities**2
    weights = rng.integers(0, 4, 60)
    expected = naive_calibration_error(probabilities, outcomes, num_bins=num_bins)
    assert expected > 0.05
    assert expected_calibration_error(probabilities, outcomes, num_bins=num_bins) == pytest.approx(expected, abs=1e-12)
    weighted = naive_calibration_error(probabilities, outcomes, num_bins=num_bins, weights=weights)
    value = expected_calibration_error(probabilities, outcomes, num_bins=num_bins, weights=weights)
    assert value == pytest.approx(weighted, abs=1e-12)


def test_all_rows_at_once_are_each_alone_and_order_does_not_matter(rng):
    probabilities = rng.random(50).round(2)
    outcomes = rng.random(50) < 0.4
    weights = rng.integers(0, 3, (6, 50))
    errors = calibration_errors(probabilities, outcomes, weights=weights)
    alone = [expected_calibration_error(probabilities, outcomes, weights=row) for row in weights]
    np.testing.assert_allclose(errors, alone, rtol=0, atol=1e-14)
    order = rng.permutation(50)
    shuffled = calibration_errors(probabilities[order], outcomes[order], weights=weights[:, order])
    np.testing.assert_allclose(errors, shuffled, rtol=0, atol=1e-14)


def test_the_extremes():
    outcomes = np.array([True, False, True])
    assert expected_calibration_error(outcomes.astype(float), outcomes) == 0
    assert expected_calibration_error(1.0 - outcomes, outcomes) == 1
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))
    assert np.isnan(expected_calibration_error(np.ones(2), np.ones(2, bool), weights=np.zeros(2)))


def test_the_curve_adds_up_to_the_error(rng):
    probabilities = rng.random(200)
    outcomes = rng.random(200) < probabilities**2
    curve = reliability_curve(probabilities, outcomes, num_bins=10)
    np.testing.assert_array_equal(curve.mass, np.full(10, 20))
    assert (np.diff(curve.probability) > 0).all()
    error = np.average(np.abs(curve.probability - curve.frequency), weights=curve.mass)
    assert expected_calibration_error(probabilities, outcomes, num_bins=10) == pytest.approx(error, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found_again(rng, temperature):
    logits = rng.normal(0, 2, (4000, 5))
    outcomes = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    known = rng.random(logits.shape) < 0.9
    outcomes[~known] ^= True  # unknown ones must not be looked at
    fitted = fit_temperature(logits * temperature, outcomes, known=known)
    assert fitted == pytest.approx(temperature, rel=0.05)  # 18,000 outcomes: standard error about 1.5 %


def test_the_fit_is_the_minimum(rng):
    logits, known = rng.normal(0, 3, 300), np.ones(300, bool)
    outcomes = rng.random(300) < 1 / (1 + np.exp(-logits / 2))
    fitted = fit_temperature(logits, outcomes, known=known)
    grid = fitted * np.linspace(0.9, 1.1, 21)
    sign = np.where(outcomes, -1, 1)
    losses = [np.log1p(np.exp(sign * logits / value)).mean() for value in grid]
    assert int(np.argmin(losses)) == 10


def test_nothing_known_changes_nothing_and_a_perfect_model_meets_the_limit():
    outcomes = np.array([True, False])
    assert fit_temperature(np.array([3.0, np.nan]), outcomes, known=np.zeros(2, bool)) == 1.0
    sure = fit_temperature(np.array([3.0, -3.0]), outcomes, known=np.ones(2, bool))
    assert sure == pytest.approx(0.05, rel=0.2)


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="sigmoid"):
        expected_calibration_error(np.array([1.5]), np.array([True]))
    with pytest.raises(DataError, match="a weight for each"):
        expected_calibration_error(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(DataError, match="weights >= 0"):
        expected_calibration_error(np.zeros(1), np.zeros(1, bool), weights=np.array([-1]))
    with pytest.raises(DataError, match="finite logits"):
        fit_temperature(np.array([np.inf]), np.array([True]), known=np.array([True]))
    with pytest.raises(DataError, match="shapes differ"):
        fit_temperature(np.zeros(2), np.zeros(3, bool), known=np.zeros(2, bool))
