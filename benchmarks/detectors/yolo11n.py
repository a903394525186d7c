"""YOLO11n from scratch, in the environment of Ultralytics (AGPL: run here as a peer, never imported by scanml)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from _task import Task, core_seconds, found, read_task, write_result

FULL_EPOCHS = 90  # 1,182 core-seconds, measured on 2 cores of an x86_64 server
# What favors a short training from scratch: one update per batch (its default gathers 64 pictures), a warm-up of 100
# updates, a cosine; its own `optimizer=auto` has no warm-up rate for biases with AdamW either. Mosaic is its default.
SETTINGS: dict[str, Any] = {
    "optimizer": "AdamW",
    "lr0": 0.002,
    "cos_lr": True,
    "batch": 8,
    "nbs": 8,
    "warmup_epochs": 100 / 26,
    "warmup_bias_lr": 0.0,
    "flipud": 0.5,
    "fliplr": 0.5,
    "imgsz": 320,
}
HABITS: dict[str, Any] = {"cache": "ram", "workers": 0, "val": False, "plots": False, "device": "cpu", "exist_ok": True}


def main() -> None:
    task = read_task()
    os.environ.update(YOLO_OFFLINE="true", YOLO_CONFIG_DIR=str(task.work))
    from ultralytics import YOLO

    ended: list[float] = []
    model = YOLO("yolo11n.yaml")
    model.add_callback("on_train_epoch_end", lambda _: ended.append(core_seconds()))  # before its last validation
    epochs, photos = task.length(FULL_EPOCHS), len(task.coco("train.json")["images"])
    data = _write_labels(task)
    model.train(data=str(data), epochs=epochs, seed=task.seed, project=str(task.work), name="run", **SETTINGS, **HABITS)
    trained = YOLO(task.work / "run" / "weights" / "last.pt")  # the average; nothing chose it
    write_result(
        task,
        _detect(trained, task),
        trained={
            "core_seconds": ended[-1],
            "photos": epochs * photos,
            "parameters": sum(p.numel() for p in model.model.parameters()),
        },
        settings=SETTINGS | {"epochs": epochs},
        packages=("ultralytics", "torch"),
    )


def _write_labels(task: Task) -> Path:
    """The training photos in YOLO's form. They are its validation set too, so that it sees none that is scored."""
    coco = task.coco("train.json")
    index_of = {category["id"]: i for i, category in enumerate(coco["categories"])}
    size_of = {image["id"]: (image["width"], image["height"]) for image in coco["images"]}
    lines = defaultdict(list)
    for truth in coco["annotations"]:
        (x, y, w, h), (width, height) = truth["bbox"], size_of[truth["image_id"]]
        row = (x + w / 2) / width, (y + h / 2) / height, w / width, h / height
        lines[truth["image_id"]].append(f"{index_of[truth['category_id']]} " + " ".join(f"{v:.6f}" for v in row))
    root = task.work / "data"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for image in coco["images"]:
        photo = task.photo(image)
        (root / "images" / photo.name).symlink_to(photo)
        (root / "labels" / f"{photo.stem}.txt").write_text("\n".join(lines[image["id"]]))
    names = "\n".join(f"  {i}: {category['name']}" for i, category in enumerate(coco["categories"]))
    (root / "data.yaml").write_text(f"path: {root}\ntrain: images\nval: images\nnames:\n{names}\n")
    return root / "data.yaml"


def _detect(model: Any, task: Task) -> list[dict[str, Any]]:
    """At the confidence, overlap and count of its own validation, as far as COCO counts."""
    coco = task.coco("val.json")
    ids = [category["id"] for category in coco["categories"]]
    detections = []
    for image in coco["images"]:
        found_here = model.predict(str(task.photo(image)), imgsz=320, conf=0.001, iou=0.7, max_det=100, verbose=False)
        boxes = found_here[0].boxes
        rows = zip(boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.tolist(), strict=True)
        detections += [found(image, xyxy, score=s, category_id=ids[int(c)]) for xyxy, s, c in rows]
    return detections


if __name__ == "__main__":
    main()
