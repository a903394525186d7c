"""Triggers, each present or absent by itself: average precision, F1, calibration, where someone looked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from scanml.errors import DataError
from scanml.metrics.bootstrap import resample_weights, with_intervals
from scanml.metrics.calibration import calibration_errors
from scanml.metrics.ratio import ratio_or_nan
from scanml.structures import Metric
from scanml.structures.arrays import Bools, Doubles, Ints, locked

# Training pictures that show a trigger, from … to: the groups of long-tailed multi-label sets, cut as the code of Wu et
# al. 2020 (Distribution-Balanced Loss) cuts VOC-MLT and COCO-MLT.
GROUPS = {"head": (100, np.inf), "medium": (20, 99), "tail": (0, 19)}
# Known positives at which a trigger's own threshold weighs as much as the common one. With 30 drawn triggers, 1–40 %
# present in 100–1,500 pictures, whose logits are offset by 0.3 or 0.8, held-out F1 is within 0.01 of the best for 2…10.
CREDIBLE_POSITIVES = 5
_EDGE = 1e-6  # thresholds next to 0 and 1 have no finite logit


@dataclass(frozen=True, eq=False)
class TriggerTable:
    """N images × T triggers: `scores` float64 (N, T) in [0, 1]; `present` bool (N, T) counts only where `known`.

    `train_positives` int32 (T,) are the pictures that showed each trigger in training, where that is known.
    """

    names: tuple[str, ...]
    scores: Doubles
    present: Bools
    known: Bools
    train_positives: Ints | None = None

    def __post_init__(self) -> None:
        scores = locked(self.scores, "float64", (None, len(self.names)), name="TriggerTable.scores")
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "present", locked(self.present, "bool", scores.shape, name="TriggerTable.present"))
        object.__setattr__(self, "known", locked(self.known, "bool", scores.shape, name="TriggerTable.known"))
        if self.train_positives is not None:
            name, shape = "TriggerTable.train_positives", (len(self.names),)
            object.__setattr__(
                self, "train_positives", locked(self.train_positives, "int32", shape, name=name, least=0)
            )
        if ((scores < 0) | (scores > 1)).any():
            raise DataError("TriggerTable.scores must lie in [0, 1]; logits need a sigmoid first.")

    def __len__(self) -> int:
        return len(self.scores)


def average_precision(
    scores: Doubles,
    present: Bools,
    *,
    known: Bools | None = None,
    weights: npt.NDArray[np.number] | None = None,
) -> float:
    """Σ (R_n - R_{n-1}) P_n over distinct scores, all (N,): scikit-learn's, exact with ties. NaN without a positive.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])).__round__(3)
    0.833
    """
    rows = np.flatnonzero(np.ones(len(scores), bool) if known is None else known)
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights)
    return float(_average_precisions(scores[rows], present[rows], counts[None, rows])[0])


def f1(
    scores: Doubles,
    present: Bools,
    *,
    threshold: float,
    known: Bools | None = None,
    weights: npt.NDArray[np.number] | None = None,
) -> float:
    """F1 of `scores >= threshold`, all (N,). NaN without a positive: nothing could have been found."""
    rows = np.flatnonzero(np.ones(len(scores), bool) if known is None else known)
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights)
    return float(_f1s(scores[rows] >= threshold, present[rows], counts[None, rows])[0])


def best_threshold(table: TriggerTable) -> float:
    """The one threshold for all triggers with the highest macro F1; 0.5 if no trigger is known to be present.

    Lies midway between the lowest score that it accepts and the next lower one, or 0, so that rounding moves nothing.
    """
    columns = np.flatnonzero((table.present & table.known).any(axis=0))
    if not len(columns):
        return 0.5
    candidates = np.unique(table.scores[table.known])
    macro = np.mean([_f1_at(table, int(column), candidates) for column in columns], axis=0)
    best = int(macro.argmax())
    below = candidates[best - 1] if best else 0.0
    return float(below + candidates[best]) / 2


def trigger_thresholds(table: TriggerTable) -> Doubles:
    """A threshold (T,) for each trigger: its best by F1, drawn towards the common one where its positives are few.

    Between the logits of both, a trigger's own has the weight n / (n + 5), n the positives that are known: the
    credibility of Bühlmann 1967. Without positives it is the common one of `best_threshold`.
    """
    common = best_threshold(table)
    own = np.full(len(table.names), common)
    positives = (table.present & table.known).sum(axis=0)
    for i in np.flatnonzero(positives):
        one = slice(i, i + 1)
        alone = TriggerTable(table.names[one], table.scores[:, one], table.present[:, one], table.known[:, one])
        own[i] = best_threshold(alone)
    weight = positives / (positives + CREDIBLE_POSITIVES)
    return np.asarray(expit(weight * _logit(own) + (1 - weight) * _logit(common)), dtype=np.float64)


def frequency_groups(train_positives: Ints) -> dict[str, Bools]:
    """Which triggers (T,) are "head" (100 training pictures or more show them), "medium" (20 to 99) and "tail"."""
    return {name: (train_positives >= low) & (train_positives <= high) for name, (low, high) in GROUPS.items()}


def multilabel_values(
    table: TriggerTable, *, thresholds: npt.ArrayLike, weights: npt.NDArray[np.integer]
) -> dict[str, Doubles]:
    """Every number (R,), for every row of `weights` (R, N), how often each image counts.

    "mAP" and "F1" are means over the triggers that have positives, where `train_positives` are known "mAP/head",
    "mAP/medium" and "mAP/tail" over some of them; "ECE" pools all that is known; then "AP/<name>" and "F1/<name>".
    `thresholds` (T,) or one for all.

    Raises:
        DataError: not one weight per image.
    """
    if weights.ndim != 2 or weights.shape[1] != len(table):
        raise DataError(f"weights must be (resamples, {len(table)}), one per image, received {weights.shape}.")
    accepted = table.scores >= np.broadcast_to(np.asarray(thresholds, dtype=np.float64), len(table.names))
    precisions, f1s = {}, {}
    for column, name in enumerate(table.names):
        rows = np.flatnonzero(table.known[:, column])
        present, counts = table.present[rows, column], weights[:, rows]
        precisions[f"AP/{name}"] = _average_precisions(table.scores[rows, column], present, counts)
        f1s[f"F1/{name}"] = _f1s(accepted[rows, column], present, counts)
    images = np.nonzero(table.known)[0]
    errors = calibration_errors(table.scores[table.known], table.present[table.known], weights=weights[:, images])
    macro = {"mAP": _macro([*precisions.values()], len(weights)), "F1": _macro([*f1s.values()], len(weights))}
    groups = {} if table.train_positives is None else frequency_groups(table.train_positives)
    for group, members in groups.items():
        macro[f"mAP/{group}"] = _macro(
            [precisions[f"AP/{table.names[i]}"] for i in np.flatnonzero(members)], len(weights)
        )
    return macro | {"ECE": errors} | precisions | f1s


def multilabel_metrics(
    table: TriggerTable, *, thresholds: npt.ArrayLike, num_resamples: int = 1000, seed: int = 0
) -> dict[str, Metric]:
    """`multilabel_values` of all images, each with its 95 % interval; n counts images, per trigger those known.

    Calibration error grows with noise and a resample has more of it, so the interval of "ECE" leans upwards.
    """
    once = np.ones((1, len(table)), np.int32)
    drawn = resample_weights(len(table), num_resamples=num_resamples, seed=seed)
    values = {
        name: float(column[0]) for name, column in multilabel_values(table, thresholds=thresholds, weights=once).items()
    }
    samples = multilabel_values(table, thresholds=thresholds, weights=drawn)
    num_known = dict(zip(table.names, table.known.sum(axis=0).tolist(), strict=True))
    single = ("AP/", "F1/")
    num_units = {name: num_known[name[3:]] if name.startswith(single) else len(table) for name in values}
    return with_intervals(values, samples, num_units=num_units)


def _average_precisions(scores: Doubles, present: Bools, weights: npt.NDArray[np.number]) -> Doubles:
    """Average precision (R,) of scores (N,) for weights (R, N)."""
    if not present.any():
        return np.full(len(weights), np.nan)
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # the last of each run of equal scores
    drawn = weights[:, order].astype(np.float64)
    seen = drawn.cumsum(axis=1)[:, ends]
    found = (drawn * present[order]).cumsum(axis=1)[:, ends]
    precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
    gained = (np.diff(found, axis=1, prepend=0.0) * precision).sum(axis=1)
    return ratio_or_nan(gained, found[:, -1])


def _f1s(accepted: Bools, present: Bools, weights: npt.NDArray[np.number]) -> Doubles:
    """F1 (R,) of decisions (N,) for weights (R, N); NaN where no positive was drawn."""
    hits = weights @ (accepted & present).astype(np.float64)
    positives = weights @ present.astype(np.float64)
    claims = weights @ accepted.astype(np.float64) + positives
    return np.where(positives > 0, ratio_or_nan(2 * hits, claims), np.nan)


def _f1_at(table: TriggerTable, column: int, thresholds: Doubles) -> Doubles:
    """F1 of one trigger at each threshold, in the shape of `thresholds`, from two sorted columns."""
    known = table.known[:, column]
    scores = np.sort(table.scores[known, column])
    positives = np.sort(table.scores[known & table.present[:, column], column])
    hits = len(positives) - np.searchsorted(positives, thresholds)
    accepted = len(scores) - np.searchsorted(scores, thresholds)
    return np.asarray(2 * hits / (accepted + len(positives)), dtype=np.float64)


def _logit(probabilities: npt.ArrayLike) -> Doubles:
    return np.asarray(logit(np.clip(probabilities, _EDGE, 1 - _EDGE)), dtype=np.float64)


def _macro(columns: list[Doubles], num_rows: int) -> Doubles:
    values = np.reshape(columns, (len(columns), num_rows))
    defined = ~np.isnan(values)
    return ratio_or_nan(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))
