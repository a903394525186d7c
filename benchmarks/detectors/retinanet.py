"""KerasHub's RetinaNet from scratch: a small one, with what it needs for small objects and few updates."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Any

import numpy as np
from _task import INPUT_SIZE, Task, core_seconds, found, read_task, write_result
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import keras_hub
import tensorflow as tf

FULL_EPOCHS = 40  # 10 took 293 core-seconds on 2 cores of an x86_64 server
# Anchors of 2.5 strides begin at 20 px, the size of a platelet; its default of 4 begins at 32.
SETTINGS: dict[str, Any] = {
    "filters": [64, 64, 128, 256],
    "blocks": [1, 1, 1, 1],
    "anchor_size": 2.5,
    "head_convolutions": 1,
    "learning_rate": 1e-3,
    "warmup_steps": 100,
    "clipnorm": 10.0,
    "batch": 8,
}


def main() -> None:
    task = read_task()
    keras.utils.set_random_seed(task.seed)
    coco = task.coco("train.json")
    categories = [category["id"] for category in coco["categories"]]
    epochs, photos = task.length(FULL_EPOCHS), len(coco["images"])
    model = _build(len(categories))
    updates = epochs * -(-photos // SETTINGS["batch"])
    warmup = min(SETTINGS["warmup_steps"], updates // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, updates - warmup, warmup_target=SETTINGS["learning_rate"], warmup_steps=warmup, alpha=0.02
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, global_clipnorm=SETTINGS["clipnorm"]),
        box_loss=keras.losses.MeanAbsoluteError(reduction="sum"),
        jit_compile=False,  # XLA takes longer on a CPU
    )
    model.fit(_batches(task, coco, categories), epochs=epochs, verbose=2)
    trained = {"core_seconds": core_seconds(), "photos": epochs * photos, "parameters": model.count_params()}
    settings = SETTINGS | {"epochs": epochs}
    packages = ("keras-hub", "keras", "tensorflow")
    write_result(task, _detect(model, task, categories), trained=trained, settings=settings, packages=packages)


def _build(num_classes: int) -> Any:
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=SETTINGS["filters"],
        stackwise_num_blocks=SETTINGS["blocks"],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=(*INPUT_SIZE, 3),
    )
    levels = {"min_level": 3, "max_level": 5}
    pyramid = keras_hub.models.RetinaNetBackbone(encoder, use_p5=False, image_shape=(*INPUT_SIZE, 3), **levels)
    anchors = keras_hub.layers.AnchorGenerator(
        "xyxy", num_scales=3, aspect_ratios=[0.5, 1.0, 2.0], anchor_size=SETTINGS["anchor_size"], **levels
    )
    return keras_hub.models.RetinaNetObjectDetector(
        pyramid,
        num_classes,
        bounding_box_format="xyxy",
        anchor_generator=anchors,
        use_prediction_head_norm=True,
        pre_logits_num_conv_layers=SETTINGS["head_convolutions"],
    )


def _read(task: Task, image: dict[str, Any]) -> tuple[Any, float]:
    """The photo at the top left of the input, gray beyond it, and the factor that it was resized by."""
    height, width = INPUT_SIZE
    scale = min(height / image["height"], width / image["width"])
    canvas = Image.new("RGB", (width, height), (114, 114, 114))
    with Image.open(task.photo(image)) as photo:
        canvas.paste(photo.convert("RGB").resize((round(image["width"] * scale), round(image["height"] * scale))))
    return np.asarray(canvas, np.float32) / 127.5 - 1.0, scale


def _batches(task: Task, coco: dict[str, Any], categories: list[int]) -> tf.data.Dataset:
    """Shuffled and mirrored both ways at random, as the other two are."""
    truths = defaultdict(list)
    for truth in coco["annotations"]:
        x, y, width, height = truth["bbox"]
        truths[truth["image_id"]].append((x, y, x + width, y + height, categories.index(truth["category_id"])))
    most = max(map(len, truths.values()))
    rows = np.full((len(coco["images"]), most, 5), -1.0, np.float32)
    pixels = []
    for row, image in zip(rows, coco["images"], strict=True):
        photo, scale = _read(task, image)
        pixels.append(photo)
        if truths[image["id"]]:
            row[: len(truths[image["id"]])] = np.array(truths[image["id"]]) * ([scale] * 4 + [1.0])
    data = tf.data.Dataset.from_tensor_slices((np.stack(pixels), rows)).shuffle(len(rows), seed=task.seed)
    return data.map(_mirror).batch(SETTINGS["batch"]).prefetch(2)


def _mirror(pixels: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    (height, width), (left, top, right, bottom, labels) = INPUT_SIZE, tf.unstack(rows, axis=1)
    across, down = tf.unstack(tf.random.uniform((2,)) < 0.5)
    left, right = tf.where(across, width - right, left), tf.where(across, width - left, right)
    top, bottom = tf.where(down, height - bottom, top), tf.where(down, height - top, bottom)
    pixels = tf.where(across, pixels[:, ::-1], pixels)
    pixels = tf.where(down, pixels[::-1], pixels)
    boxes = tf.where((labels >= 0)[:, None], tf.stack([left, top, right, bottom], axis=1), -1.0)
    return pixels, {"boxes": boxes, "labels": labels}


def _detect(model: Any, task: Task, categories: list[int]) -> list[dict[str, Any]]:
    model.prediction_decoder = keras_hub.layers.NonMaxSuppression(
        bounding_box_format="xyxy", from_logits=True, iou_threshold=0.6, confidence_threshold=0.001, max_detections=100
    )
    detections = []
    for image in task.coco("val.json")["images"]:
        pixels, scale = _read(task, image)
        answer = model.predict(pixels[None], verbose=0)
        count = int(answer["num_detections"][0])
        rows = zip(answer["boxes"][0], answer["confidence"][0], answer["labels"][0], strict=True)
        for xyxy, score, label in list(rows)[:count]:
            detections.append(found(image, xyxy / scale, score=score, category_id=categories[int(label)]))
    return detections


if __name__ == "__main__":
    main()
