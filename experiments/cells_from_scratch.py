"""How good does a detector from scratch get on photos of blood cells in 1,200 core-seconds of training?

Data      BCCD (MIT): all 205 training photos, scored on the 87 of `val.json`
Command   python -m benchmarks.detect_from_scratch --data DIR --models ours
Hardware  2 cores of an x86_64 server (AVX2), no GPU
Duration  28,800 photos at 36 ms of one core on a quiet machine, 48 ms on a busy one, and 25 s to start
Result    benchmarks/results/detect_from_scratch-*.jsonl

Tried on a hash-fifth of `train.json` (39 photos), trained on the other 166, one seed each; AP and AP@.5:

    photos seen  training                                    answer                            AP     AP@.5
    10,000       as in cells.py                              300 candidates                    0.557  0.855
                                                             600 candidates                    0.565  0.870
                                                             600 candidates, boxes voting      0.569  0.870
    9,600        mosaic, zoom, turns, twice the rate         300 candidates                    0.565  0.905
                                                             600 candidates, boxes voting      0.586  0.915
    16,000       mosaic, zoom 0.6 to 1.4, quarter turns      300 candidates                    0.584  0.881
                                                             600 candidates                    0.593  0.898
                                                             1,000 candidates                  0.593  0.898
                                                             600, overlap 0.7 instead of 0.6   0.594  0.895
                                                             300 of each class                 0.591  0.897
                                                             600 candidates, boxes voting      0.601  0.898
                                                             1,000 candidates, boxes voting    0.604  0.898

Voting boxes of less overlap than 0.8, or weighted without their scores, are worth less; scores that fall with overlap
(Soft-NMS) help with the last training and not with the first, so suppression stays as it is. In photos 10 % larger than
in training the last one loses 0.013 AP. Which of mosaic, turns and rate helps how much was not taken apart.

Where an update's time goes: convolutions two thirds, normalization a fifth, loss and assignment a tenth, the rest is
the optimizer. XLA, larger batches and older memory layouts are no faster, and JAX is half as fast.
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
            steps=3_600,  # fixed beforehand from 40 ms a photo
            batch_size=8,
            augment=AugmentConfig(flip_up_down=0.5, turn=0.5, mosaic=1.0, scale=(0.6, 1.4)),  # no side is up
        ),
    )
