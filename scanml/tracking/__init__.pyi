from .environment import describe_environment, git_commit
from .lineage import Ancestor, Lineage, TrackedRun, lineage
from .mlflow_store import count_evaluations
from .mlflow_tracker import MlflowTracker
from .registry import ModelRegistry
from .stores import local_store
from .tracker import JsonlTracker, NullTracker, RunStatus, TeeTracker, Tracker, recording

__all__ = [
    "Ancestor",
    "JsonlTracker",
    "Lineage",
    "MlflowTracker",
    "ModelRegistry",
    "NullTracker",
    "RunStatus",
    "TeeTracker",
    "TrackedRun",
    "Tracker",
    "count_evaluations",
    "describe_environment",
    "git_commit",
    "lineage",
    "local_store",
    "recording",
]
