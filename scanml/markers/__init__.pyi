from .config import MatcherConfig
from .matcher import MarkerMatcher

__all__ = ["MarkerMatcher", "MatcherConfig"]
