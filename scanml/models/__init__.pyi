from .config import SceneClassifierConfig, SceneDetectorConfig
from .scene_classifier import SceneClassifier
from .scene_detector import SceneDetector
from .scene_model import SceneModel

__all__ = ["SceneClassifier", "SceneClassifierConfig", "SceneDetector", "SceneDetectorConfig", "SceneModel"]
