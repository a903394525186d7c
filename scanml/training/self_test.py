"""Can this model learn eight of these pictures by heart? If not, more pictures and hours will not help."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scanml.datasets.config import AugmentConfig
from scanml.datasets.records import DataSet, Split
from scanml.errors import DataError
from scanml.structures.batches import Task
from scanml.structures.reports import EvalReport
from scanml.training.config import TrainConfig
from scanml.training.doubts import doubts
from scanml.training.loop import train

if TYPE_CHECKING:
    from scanml.models.build import ModelConfig

NUM_IMAGES, UPDATES, BATCH = 8, 200, 4  # 100 views of each picture
BOUNDS = {"detector": ("AP50", 0.8), "classifier": ("mAP", 0.95)}  # on blood cells ours reaches 1.00 after 300
_PLAIN = AugmentConfig(flip_left_right=0, scale=(1, 1), translate=0, brightness=0, contrast=0, saturation=0)


@dataclass(frozen=True)
class SelfTest:
    """What came of it, in a sentence; what is doubtful about the data; the metrics on the eight pictures."""

    passed: bool
    sentence: str
    doubts: tuple[str, ...]
    report: EvalReport


def self_test(model_config: ModelConfig, data: DataSet, task: Task, *, config: TrainConfig, out: Path) -> SelfTest:
    """Train on eight training pictures, without augmentation, and measure on the same eight; about a minute.

    Pictures with the most labels are taken. `out` then holds the training.

    Raises:
        DataError: the training split has no label for this task.
    """
    from scanml.evaluation import evaluate

    eight = _most_labelled(data.train, task)
    short = replace(
        config, steps=UPDATES, batch_size=min(BATCH, len(eight)), accumulate=1, devices="one", augment=_PLAIN,
        average_decay=0.9, checkpoint_every=UPDATES,
    )  # fmt: skip
    model = train(model_config, DataSet(eight, eight, eight), config=short, out=out)
    report = evaluate(model, eight, task=task, num_resamples=20)
    name, bound = BOUNDS[task]
    reached = report.metrics[name].value or 0.0  # None: nothing to measure
    found = doubts(data.train, task, image_size=model_config.image_size)
    said = (
        f"{name} is {reached:.2f} on {len(eight)} pictures that it saw {UPDATES * short.batch_size // len(eight)} times"
    )
    if reached >= bound:
        sentence = (
            f"{said}: labels, loss and decoding work. A low figure on other pictures is a matter of data and time."
        )
    else:
        sentence = (
            f"{said}; at least {bound} was expected. It does not learn what the labels say: look at page.html whether "
            "boxes and classes are right, and at the doubts." + (f" First of them: {found[0]}" if found else "")
        )
    return SelfTest(bool(reached >= bound), sentence, tuple(found), report)


def _most_labelled(split: Split, task: Task) -> Split:
    def labels(index: int) -> int:
        record = split.records[index]
        return len(record.labels) - sum(record.crowd) if task == "detector" else len(record.present)

    best = sorted(range(len(split)), key=lambda index: (-labels(index), index))[:NUM_IMAGES]
    if not labels(best[0]):
        raise DataError(f"self-test: no training picture has a label for the {task}; look at page.html of `validate`.")
    return Split("self-test", split.labels, [split.records[i] for i in best], lambda index: split.read(best[index]))
