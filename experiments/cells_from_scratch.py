"""How good does a detector from scratch get on photos of blood cells in 1,200 core-seconds of training?

Command   python -m benchmarks.detect_from_scratch --data DIR --models ours
"""

from scanml.datasets import AugmentConfig
from scanml.models import SceneDetectorConfig
from scanml.steps import Experiment
from scanml.training import TrainConfig


def config() -> Experiment:
    return Experiment(
        name="cells-from-scratch",
        detector=SceneDetectorConfig(size="small"),
        train=TrainConfig(
            steps=3_600,
            batch_size=8,
            augment=AugmentConfig(flip_up_down=0.5, mosaic=1.0, scale=(0.6, 1.4)),
        ),
    )
