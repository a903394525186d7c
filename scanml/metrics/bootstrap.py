"""Intervals by the nonparametric bootstrap over images (Efron 1979): redraw the images, compute the number again.

A redraw is a row of weights, how often each image was drawn. Rows drawn once serve two models on the same images:
the difference of their numbers row by row is a paired comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scanml.errors import DataError
from scanml.structures.arrays import Doubles, Ints
from scanml.structures.reports import Metric


def resample_weights(num_units: int, *, num_resamples: int = 1000, seed: int = 0) -> Ints:
    """How often each unit was drawn in each resample, int32 (R, N); every row sums to N.

    1,000 resamples: the usual choice for percentile intervals (Efron & Tibshirani 1993).

    >>> resample_weights(3, num_resamples=2).sum(axis=1)
    array([3, 3])
    """
    if num_units < 0 or num_resamples < 1:
        raise DataError(f"bootstrap: expected units >= 0 and resamples >= 1, received {num_units} and {num_resamples}.")
    if num_units == 0:
        return np.zeros((num_resamples, 0), np.int32)
    equal = np.full(num_units, 1 / num_units)
    return np.random.default_rng(seed).multinomial(num_units, equal, size=num_resamples).astype(np.int32)


def percentile_interval(samples: Doubles, *, level: float = 0.95) -> tuple[Doubles, Doubles]:
    """Bounds (K,), (K,) that enclose the middle `level` of each column of `samples` (R, K).

    Resamples in which a number is undefined (NaN) are left out; a column without any other has NaN bounds.

    Raises:
        DataError: `samples` has another rank, or `level` is not between 0 and 1.
    """
    if samples.ndim != 2 or not 0 < level < 1:
        raise DataError(f"percentile_interval: expected (R, K) and 0 < level < 1, received {samples.shape}, {level}.")
    tail = (1 - level) / 2
    bounds = [_quantiles(column, (tail, 1 - tail)) for column in samples.T]
    low, high = np.reshape(bounds, (samples.shape[1], 2)).T
    return low, high


@dataclass(frozen=True)
class PairedDifference:
    """The interval of a - b. `low`, `high` are two-sided; `at_least` and `at_most` are one-sided at the same level.

    "a is not worse than b by more than x" holds with that confidence when `at_least >= -x`. All NaN: never defined.
    """

    low: float
    high: float
    at_least: float
    at_most: float
    num_resamples: int  # those in which both numbers were defined


def paired_difference(samples_a: Doubles, samples_b: Doubles, *, level: float = 0.95) -> PairedDifference:
    """The interval of a - b, from two (R,) columns computed on the same resamples.

    Raises:
        DataError: the columns differ in length; draw the weights once and use them for both.
    """
    if samples_a.shape != samples_b.shape or samples_a.ndim != 1:
        raise DataError(
            f"paired_difference needs two columns (R,) from the same resamples, received {samples_a.shape} and "
            f"{samples_b.shape}; call resample_weights once and use its rows for both."
        )
    difference = samples_a - samples_b
    tail = (1 - level) / 2
    low, high, at_least, at_most = _quantiles(difference, (tail, 1 - tail, 1 - level, level)).tolist()
    return PairedDifference(low, high, at_least, at_most, int(np.isfinite(difference).sum()))


def with_intervals(
    values: Mapping[str, float], samples: Mapping[str, Doubles], *, num_units: Mapping[str, int]
) -> dict[str, Metric]:
    """A `Metric` for every name: its value, the 95 % interval of its resamples (R,), its units."""
    if not values:
        return {}
    low, high = percentile_interval(np.stack([samples[name] for name in values], axis=1))
    return {
        name: Metric(name, value, low[column], high[column], num_units[name])
        for column, (name, value) in enumerate(values.items())
    }


def _quantiles(column: Doubles, fractions: tuple[float, ...]) -> Doubles:
    defined = column[~np.isnan(column)]
    if not len(defined):
        return np.full(len(fractions), np.nan)
    return np.asarray(np.quantile(defined, fractions), dtype=np.float64)
