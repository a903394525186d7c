"""Our detector from scratch, as `experiments/cells_from_scratch.py` has it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from _task import Task, core_seconds, found, read_task, write_result

from scanml.datasets import load_folder
from scanml.datasets.records import DataSet, Split
from scanml.evaluation import as_reader, predict
from scanml.steps.experiment import load_experiment
from scanml.training import train

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "cells_from_scratch.py"


def main() -> None:
    task = read_task()
    experiment = load_experiment(EXPERIMENT)
    config = replace(experiment.train, seed=task.seed, steps=task.length(experiment.train.steps))
    data = _load(task)
    model = train(experiment.model("detector"), data, config=config, out=task.work / "training")
    trained = {
        "core_seconds": core_seconds(),
        "photos": config.steps * config.batch_size,
        "parameters": model.count_params(),
    }
    readings = predict(as_reader(model), data.test)
    ids = data.test.labels.category_ids
    images = [{"id": image_id} for image_id in data.test.image_ids]
    detections = [
        found(image, xyxy, score=score, category_id=ids[label])
        for image, reading in zip(images, readings, strict=True)
        for xyxy, score, label in zip(
            reading.detections.boxes.xyxy, reading.detections.scores, reading.detections.labels, strict=True
        )
    ]
    write_result(
        task,
        detections,
        trained=trained,
        settings={"updates": config.steps, "batch": config.batch_size, "backend": config.backend},
        packages=("tensorflow", "keras"),
    )


def _load(task: Task) -> DataSet:
    """All photos of `train.json` to train on; those that the library would set aside to choose on are put back."""
    root = task.work / "data"
    root.mkdir()
    shutil.copytree(task.data / "images", root / "images")
    shutil.copy(task.data / "train.json", root / "train.json")
    shutil.copy(task.data / "val.json", root / "test.json")
    data = load_folder(root)
    return DataSet(_join(data.train, data.validation), data.validation, data.test)


def _join(first: Split, second: Split) -> Split:
    def read(index: int) -> bytes:
        return first.read(index) if index < len(first) else second.read(index - len(first))

    return Split(first.name, first.labels, [*first.records, *second.records], read)


if __name__ == "__main__":
    main()
