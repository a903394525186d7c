from .coco_callback import CocoCallback
from .compare import compare
from .data_page import data_page
from .evaluate import collect, evaluate, judge, measure
from .gallery import (
    draw_detections,
    draw_marker,
    draw_reading,
    draw_truth,
    draw_truth_and_prediction,
    encode_jpeg,
    encode_png,
)
from .predict import as_reader, predict
from .predictions import FoundObjects, FoundTriggers, ImageRecord, Predictions
from .predictions_file import read_predictions, write_predictions
from .report_page import Page

__all__ = [
    "CocoCallback",
    "FoundObjects",
    "FoundTriggers",
    "ImageRecord",
    "Page",
    "Predictions",
    "as_reader",
    "collect",
    "compare",
    "data_page",
    "draw_detections",
    "draw_marker",
    "draw_reading",
    "draw_truth",
    "draw_truth_and_prediction",
    "encode_jpeg",
    "encode_png",
    "evaluate",
    "judge",
    "measure",
    "predict",
    "read_predictions",
    "write_predictions",
]
