"""How far does a detector from scratch get on photos of blood cells in 600 core-seconds of training?

Data      BCCD (MIT): 205 photos to train and validate on, 87 kept apart as the test
Command   python -m benchmarks.cells --data DIR
"""

from scanml.datasets import AugmentConfig
from scanml.models import SceneDetectorConfig
from scanml.steps import Experiment, GateConfig, Rule
from scanml.training import TrainConfig


def config() -> Experiment:
    return Experiment(
        name="cells",
        detector=SceneDetectorConfig(size="small"),
        train=TrainConfig(
            steps=1_250,  # 10,000 photos: fixed beforehand from 18 photos per core-second
            batch_size=8,
            augment=AugmentConfig(flip_up_down=0.5),  # under a microscope no side is up
        ),
        gate=GateConfig(detector=(Rule(metric="AP50", floor=0.7, max_drop=0.02),)),
    )
