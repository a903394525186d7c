"""Do probabilities mean what they say? Calibration error, reliability curve, and the temperature that mends logits."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from scanml.errors import DataError
from scanml.metrics.ratio import ratio_or_nan
from scanml.structures.arrays import Bools, Doubles

NUM_BINS = 15  # Guo et al. 2017, table 1
TEMPERATURE_LIMITS = (0.05, 20.0)  # beyond a factor of 20 the logits are broken, not miscalibrated
_CHUNK = 2**20  # probabilities × resamples held at once, 8 MB


class ReliabilityCurve(NamedTuple):
    """Per bin that is not empty, in order (B,): mean probability, frequency of the outcome, mass (sum of weights)."""

    probability: Doubles
    frequency: Doubles
    mass: Doubles


def expected_calibration_error(
    probabilities: Doubles, outcomes: Bools, *, num_bins: int = NUM_BINS, weights: npt.NDArray[np.number] | None = None
) -> float:
    """Mean distance between probability and frequency over bins of equal mass, in [0, 1]; NaN without mass.

    Equal mass (Nguyen & O'Connor 2015; Nixon et al. 2019) leaves no bin nearly empty, as equal widths
    do. Equal probabilities share a bin, so that the order of the examples does not matter.

    Raises:
        DataError: shapes differ, probabilities leave [0, 1], or weights are negative.

    >>> expected_calibration_error(np.array([0.0, 0.5, 0.5, 1.0]), np.array([0, 0, 1, 1], bool))
    0.0
    """
    row = np.ones(len(probabilities)) if weights is None else np.asarray(weights)
    return float(calibration_errors(probabilities, outcomes, weights=row[None], num_bins=num_bins)[0])


def calibration_errors(
    probabilities: Doubles, outcomes: Bools, *, weights: npt.NDArray[np.number], num_bins: int = NUM_BINS
) -> Doubles:
    """The expected calibration error (R,) for every row of `weights` (R, N), such as the bootstrap's."""
    _check(probabilities, outcomes, weights, num_bins)
    step = max(1, _CHUNK // max(1, len(probabilities)))
    errors = np.empty(len(weights))
    for start in range(0, len(weights), step):
        mass, expected, observed = _bin_sums(probabilities, outcomes, weights[start : start + step], num_bins)
        gap = np.abs(expected - observed).sum(axis=1)
        errors[start : start + step] = ratio_or_nan(gap, mass.sum(axis=1))
    return errors


def reliability_curve(probabilities: Doubles, outcomes: Bools, *, num_bins: int = NUM_BINS) -> ReliabilityCurve:
    """What a reliability diagram shows, in the same bins as the calibration error."""
    weights = np.ones((1, len(probabilities)))
    _check(probabilities, outcomes, weights, num_bins)
    mass, expected, observed = (sums[0] for sums in _bin_sums(probabilities, outcomes, weights, num_bins))
    filled = mass > 0
    return ReliabilityCurve(expected[filled] / mass[filled], observed[filled] / mass[filled], mass[filled])


def fit_temperature(logits: Doubles, outcomes: Bools, *, known: Bools) -> float:
    """The T > 0 for which sigmoid(logits / T) has the least negative log-likelihood where `known` (Guo et al. 2017).

    All three have one shape. The loss is convex in 1 / T, so the bounded search over log T finds its only minimum, or
    the limit (0.05 or 20) where the loss still falls. Nothing known: 1.0, which changes nothing.

    Raises:
        DataError: shapes differ, or a known logit is not finite.
    """
    if not logits.shape == outcomes.shape == known.shape:
        raise DataError(f"fit_temperature: shapes differ: {logits.shape}, {outcomes.shape}, {known.shape}.")
    scores, happened = logits[known].astype(np.float64), outcomes[known].astype(bool)
    if not len(scores):
        return 1.0
    if not np.isfinite(scores).all():
        raise DataError("fit_temperature: expected finite logits, received inf or NaN; the model has diverged.")

    def loss(log_temperature: float) -> float:
        scaled = scores * math.exp(-log_temperature)
        return float(np.logaddexp(0, np.where(happened, -scaled, scaled)).mean())

    low, high = (math.log(limit) for limit in TEMPERATURE_LIMITS)
    return math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}).x)


def _bin_sums(
    probabilities: Doubles, outcomes: Bools, weights: npt.NDArray[np.number], num_bins: int
) -> tuple[Doubles, Doubles, Doubles]:
    """Sums of weight, weight × probability, weight × outcome, each (R, B). A value's bin is that of its middle rank."""
    order = np.argsort(probabilities, kind="stable")
    ordered = probabilities[order].astype(np.float64)
    mass = weights[:, order].astype(np.float64)
    upto = np.concatenate([np.zeros((len(mass), 1)), mass.cumsum(axis=1)], axis=1)
    first, last = np.searchsorted(ordered, ordered, side="left"), np.searchsorted(ordered, ordered, side="right")
    middle = (upto[:, first] + upto[:, last]) / 2
    total = np.maximum(upto[:, -1:], np.finfo(np.float64).tiny)
    bins = np.minimum(num_bins * middle / total, num_bins - 1).astype(np.int64)
    bins += num_bins * np.arange(len(mass))[:, None]  # a row of bins for each row of weights

    def total_in_bins(values: Doubles) -> Doubles:
        sums = np.bincount(bins.ravel(), values.ravel(), minlength=len(mass) * num_bins)
        return np.asarray(sums.reshape(-1, num_bins), dtype=np.float64)

    return total_in_bins(mass), total_in_bins(mass * ordered), total_in_bins(mass * outcomes[order])


def _check(probabilities: Doubles, outcomes: Bools, weights: npt.NDArray[np.number], num_bins: int) -> None:
    if probabilities.ndim != 1 or probabilities.shape != outcomes.shape or weights.shape[1:] != outcomes.shape:
        shapes = f"{probabilities.shape}, {outcomes.shape}, {weights.shape}"
        raise DataError(
            f"calibration: expected probabilities (N,), outcomes (N,), a weight for each; received {shapes}."
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise DataError("calibration: expected probabilities in [0, 1]; logits need a sigmoid first.")
    if (weights < 0).any() or num_bins < 1:
        raise DataError("calibration: expected weights >= 0 and at least one bin.")
