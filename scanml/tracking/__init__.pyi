from .environment import describe_environment, git_commit
from .mlflow_tracker import MlflowTracker, count_evaluations
from .registry import ModelRegistry
from .stores import local_store
from .tracker import JsonlTracker, NullTracker, RunStatus, TeeTracker, Tracker, recording

__all__ = [
    "JsonlTracker",
    "MlflowTracker",
    "ModelRegistry",
    "NullTracker",
    "RunStatus",
    "TeeTracker",
    "Tracker",
    "count_evaluations",
    "describe_environment",
    "git_commit",
    "local_store",
    "recording",
]
