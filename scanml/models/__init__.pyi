from .config import SceneClassifierConfig, SceneDetectorConfig
from .scene_classifier import SceneClassifier
from .scene_detector import SceneDetector

__all__ = ["SceneClassifier", "SceneClassifierConfig", "SceneDetector", "SceneDetectorConfig"]
