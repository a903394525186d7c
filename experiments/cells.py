"""How far does a detector from scratch get on photos of blood cells in 600 core-seconds of training?

Data      BCCD (MIT): 205 photos to train and validate on, 87 kept apart as the test
Command   python -m benchmarks.cells --data DIR
Hardware  2 cores of an x86_64 server (AVX2), no GPU
Duration  553 core-seconds, 5.2 minutes of training
Result    AP@.5 0.855 [0.816, 0.892], AP 0.549 [0.527, 0.577], n = 87 images, seed 0
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
