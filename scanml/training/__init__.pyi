from .checkpoint import load_model
from .config import TrainConfig
from .loop import train

__all__ = ["TrainConfig", "load_model", "train"]
