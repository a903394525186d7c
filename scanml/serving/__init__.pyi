from .config import RankingConfig
from .ranking import rank
from .recommender import Recommendation, Recommender
from .scene_bundle import SceneBundle

__all__ = ["RankingConfig", "Recommendation", "Recommender", "SceneBundle", "rank"]
