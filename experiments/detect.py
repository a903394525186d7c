"""Can a small detector learn this COCO folder from scratch?

Command   scanml run --config detect --in data=photos/ --out out/
Hardware  any; about 20 photos of 256×320 per core-second on 2 cores of an x86_64 server (AVX2), so 15 core-minutes
Result    depends on the folder; experiments/cells.py is this on blood cells: AP@.5 0.855
Needs     photos/images/ and photos/instances.json (or train.json, validation.json, test.json)
"""

from scanml.models import SceneDetectorConfig
from scanml.steps import Experiment, GateConfig, Rule
from scanml.training import TrainConfig


def config() -> Experiment:
    return Experiment(
        name="detect",
        detector=SceneDetectorConfig(size="small"),
        train=TrainConfig(steps=2_000),
        gate=GateConfig(detector=(Rule(metric="AP50", floor=0.3, max_drop=0.02),)),
    )
