from .checkpoint import load_model
from .config import TrainConfig
from .keras_fit import FitBatches, attach_loss
from .loop import train

__all__ = ["FitBatches", "TrainConfig", "attach_loss", "load_model", "train"]
