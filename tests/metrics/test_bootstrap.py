import numpy as np
import pytest

from scanml.errors import DataError
from scanml.metrics import paired_difference, percentile_interval, resample_weights, with_intervals


def test_rows_are_draws_with_replacement():
    weights = resample_weights(40, num_resamples=4000, seed=1)
    assert weights.shape == (4000, 40)
    assert (weights.sum(axis=1) == 40).all()
    # A unit is left out with (1 - 1/40)^40 = .363; 160,000 draws: standard error about .001.
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 40) ** 40, abs=0.006)
    np.testing.assert_array_equal(weights, resample_weights(40, num_resamples=4000, seed=1))
    assert (weights != resample_weights(40, num_resamples=4000, seed=2)).any()


def test_no_units_make_empty_rows():
    assert resample_weights(0, num_resamples=5).shape == (5, 0)


def test_interval_of_a_mean_has_the_width_of_its_normal_theory(rng):
    values = rng.normal(size=400)
    samples = resample_weights(400, num_resamples=2000) @ values / 400
    low, high = percentile_interval(samples[:, None])
    width = 2 * 1.96 * values.std() / 20
    assert high[0] - low[0] == pytest.approx(width, rel=0.1)  # 2,000 resamples: quantiles to about 4 %
    assert low[0] < values.mean() < high[0]


def test_undefined_resamples_are_left_out():
    samples = np.array([[np.nan, np.nan], [1.0, np.nan], [3.0, np.nan]])
    low, high = percentile_interval(samples, level=0.5)
    np.testing.assert_array_equal(low, [1.5, np.nan])
    np.testing.assert_array_equal(high, [2.5, np.nan])


def test_pairs_by_hand():
    difference = paired_difference(np.arange(101.0) + 5, np.full(101, 5.0), level=0.9)
    assert (difference.low, difference.high) == pytest.approx((5, 95))
    assert (difference.at_least, difference.at_most) == pytest.approx((10, 90))
    assert paired_difference(np.array([1.0, np.nan]), np.array([0.5, 0.1])).num_resamples == 1
    assert np.isnan(paired_difference(np.array([np.nan]), np.array([1.0])).at_least)


def test_pairing_removes_what_both_share(rng):
    images = rng.normal(size=1000)
    difference = paired_difference(images + 0.1, images)
    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)


def test_metrics_keep_names_and_turn_nan_into_none():
    samples = {"a": np.array([0.0, 1.0]), "b": np.array([np.nan, np.nan])}
    metrics = with_intervals({"a": 0.5, "b": np.nan}, samples, num_units={"a": 2, "b": 3})
    assert (metrics["a"].name, metrics["a"].low, metrics["a"].num_units) == ("a", pytest.approx(0.025), 2)
    assert (metrics["b"].value, metrics["b"].high, metrics["b"].num_units) == (None, None, 3)
    assert with_intervals({}, {}, num_units={}) == {}


def test_wrong_shapes_are_refused():
    with pytest.raises(DataError, match="resamples >= 1"):
        resample_weights(3, num_resamples=0)
    with pytest.raises(DataError, match="percentile_interval"):
        percentile_interval(np.zeros(3))
    with pytest.raises(DataError, match="same resamples"):
        paired_difference(np.zeros(3), np.zeros(4))
