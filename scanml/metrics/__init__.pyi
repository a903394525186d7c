from .bootstrap import PairedDifference, paired_difference, percentile_interval, resample_weights, with_intervals
from .calibration import (
    ReliabilityCurve,
    calibration_errors,
    expected_calibration_error,
    fit_temperature,
    reliability_curve,
)
from .detection.accumulate import Accumulated
from .detection.coco import Matches, detection_metrics, detection_values, match
from .detection.pairs import Pairing, confusion, image_f1, matched_iou_values, mean_matched_iou, pair_up
from .detection.truth import ImageTruth
from .iou import pairwise_iou
from .multilabel import (
    TriggerTable,
    average_precision,
    best_threshold,
    f1,
    frequency_groups,
    multilabel_metrics,
    multilabel_values,
    trigger_thresholds,
)

__all__ = [
    "Accumulated",
    "ImageTruth",
    "Matches",
    "PairedDifference",
    "Pairing",
    "ReliabilityCurve",
    "TriggerTable",
    "average_precision",
    "best_threshold",
    "calibration_errors",
    "confusion",
    "detection_metrics",
    "detection_values",
    "expected_calibration_error",
    "f1",
    "fit_temperature",
    "frequency_groups",
    "image_f1",
    "match",
    "matched_iou_values",
    "mean_matched_iou",
    "multilabel_metrics",
    "multilabel_values",
    "pair_up",
    "paired_difference",
    "pairwise_iou",
    "percentile_interval",
    "reliability_curve",
    "resample_weights",
    "trigger_thresholds",
    "with_intervals",
]
