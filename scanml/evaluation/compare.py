"""Is one model better than another? Both on the same images, redrawn together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scanml.config import nearest
from scanml.errors import DataError
from scanml.evaluation.predictions import FoundTriggers, Predictions
from scanml.metrics import (
    PairedDifference,
    detection_values,
    matched_iou_values,
    multilabel_values,
    paired_difference,
    resample_weights,
)
from scanml.structures.arrays import Doubles


def compare(
    candidate: Predictions,
    baseline: Predictions,
    metric_names: Sequence[str],
    *,
    num_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, PairedDifference]:
    """The interval of candidate - baseline for each metric, paired by image: every redraw counts for both.

    Raises:
        DataError: other test sets (also where no metric is asked for), or a metric that there is not.
    """
    if candidate.test_fingerprint != baseline.test_fingerprint:
        raise DataError(
            f"compare needs one test set: the candidate's is {candidate.test_fingerprint} ({len(candidate)} images, "
            f"{candidate.task}), the baseline's {baseline.test_fingerprint} ({len(baseline)} images, {baseline.task}); "
            "evaluate both on the same shards."
        )
    if not metric_names:
        return {}
    weights = resample_weights(len(candidate), num_resamples=num_resamples, seed=seed)
    ours, theirs = _values(candidate, weights), _values(_grouped_alike(baseline, candidate), weights)
    for name in metric_names:
        if name not in ours:
            raise DataError(f"a {candidate.task} has no metric {name!r}; {nearest(name, list(ours))}")
    return {name: paired_difference(ours[name], theirs[name]) for name in metric_names}


def _grouped_alike(predictions: Predictions, other: Predictions) -> Predictions:
    """`predictions` with their triggers in head, medium and tail as those of `other`, whose training is known."""
    found, pattern = predictions.found, other.found
    if not isinstance(found, FoundTriggers) or not isinstance(pattern, FoundTriggers):
        return predictions
    table = replace(found.table, train_positives=pattern.table.train_positives)
    return replace(predictions, found=replace(found, table=table))


def _values(predictions: Predictions, weights: npt.NDArray[np.integer]) -> dict[str, Doubles]:
    """Every metric (R,) for every row of `weights` (R, I), how often each image counts."""
    found = predictions.found
    if isinstance(found, FoundTriggers):
        return multilabel_values(found.table, thresholds=found.thresholds, weights=weights)
    numbers = detection_values(found.matches, found.class_names, weights=weights)
    return numbers | {"IoU": matched_iou_values(found.truths, found.detections, weights=weights)}
