from .batches import (
    CLASSIFIER_BATCH,
    CLASSIFIER_OUTPUT,
    DETECTOR_BATCH,
    DETECTOR_OUTPUT,
    TASKS,
    Batch,
    Field,
    Outputs,
    Task,
)
from .boxes import Boxes
from .examples import DetectionExample, ExampleSet, LabelSpace, SceneExample
from .findings import DataReport, Finding, FindingGroup, Spot
from .frame import Frame
from .lens import Lens, LensCatalog, RankedLens
from .marker import LocalFeatures, Marker, MarkerMatch
from .pipeline import Node, Pipeline
from .reports import EvalReport, GateVerdict, Metric
from .scene import Detections, SceneReader, SceneReading, Triggers

__all__ = [
    "CLASSIFIER_BATCH",
    "CLASSIFIER_OUTPUT",
    "DETECTOR_BATCH",
    "DETECTOR_OUTPUT",
    "TASKS",
    "Batch",
    "Boxes",
    "DataReport",
    "DetectionExample",
    "Detections",
    "EvalReport",
    "ExampleSet",
    "Field",
    "Finding",
    "FindingGroup",
    "Frame",
    "GateVerdict",
    "LabelSpace",
    "Lens",
    "LensCatalog",
    "LocalFeatures",
    "Marker",
    "MarkerMatch",
    "Metric",
    "Node",
    "Outputs",
    "Pipeline",
    "RankedLens",
    "SceneExample",
    "SceneReader",
    "SceneReading",
    "Spot",
    "Task",
    "Triggers",
]
