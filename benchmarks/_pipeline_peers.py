"""The job of `benchmarks.input_pipeline` as others usually write it: tf.data, albumentations, Pillow."""

from __future__ import annotations

import collections
import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scanml.datasets import AugmentConfig

SIDE = 224
Epoch = Callable[[], Iterator[object]]  # each call passes all photos once


@dataclass(frozen=True)
class Job:
    """`area`: the share of a photo's area that a square crop shows, or None: the whole photo, zoomed."""

    augment: AugmentConfig
    area: tuple[float, float] | None
    colors: bool = False


def by_tf_data(files: list[Path], job: Job, batch_size: int, num_threads: int) -> Epoch:
    import tensorflow as tf

    def augment(name):
        image = tf.io.decode_jpeg(tf.io.read_file(name), channels=3)
        if job.area is None:
            factor = tf.random.uniform((), *job.augment.scale) * SIDE / 640
            size = tf.cast(tf.round(factor * (480.0, 640.0)), tf.int32)
            image = tf.image.resize_with_crop_or_pad(tf.image.resize(image, size), SIDE, SIDE)
        else:
            side = tf.cast(tf.sqrt(tf.random.uniform((), *job.area) * 480 * 640), tf.int32)
            image = tf.image.resize(tf.image.random_crop(image, (side, side, 3)), (SIDE, SIDE))
        image = tf.image.random_flip_left_right(image)
        if job.colors:
            image = tf.image.random_brightness(image, 0.2 * 255)
            image = tf.image.random_contrast(image, 0.8, 1.2)
            image = tf.image.random_saturation(image, 0.7, 1.3)
        return tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8)

    data = tf.data.Dataset.from_tensor_slices([str(file) for file in files]).shuffle(len(files))
    data = data.map(augment, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size).prefetch(tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.threading.private_threadpool_size = num_threads
    return data.with_options(options).__iter__


def by_albumentations(files: list[Path], job: Job, batch_size: int, num_threads: int) -> Epoch:
    import albumentations

    if job.area is None:
        least, most = job.augment.scale
        steps = [
            albumentations.LongestMaxSize(SIDE),
            albumentations.RandomScale((least - 1, most - 1)),
            albumentations.PadIfNeeded(SIDE, SIDE, fill=114),
            albumentations.CenterCrop(SIDE, SIDE),
        ]
    else:
        steps = [albumentations.RandomResizedCrop((SIDE, SIDE), scale=job.area, ratio=(1.0, 1.0))]
    steps.append(albumentations.HorizontalFlip())
    if job.colors:
        steps.append(albumentations.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.7, 1.3), hue=(0, 0), p=1))
    augment = albumentations.Compose(steps)

    def one(file):
        return augment(image=cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB))["image"]

    return functools.partial(_batches, one, files, batch_size, num_threads)


def by_pillow(files: list[Path], job: Job, batch_size: int, num_threads: int) -> Iterator[object]:
    from PIL import Image, ImageEnhance

    def one(file):
        rng = np.random.default_rng()
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        if job.area is None:
            factor = rng.uniform(*job.augment.scale) * SIDE / 640
            photo = photo.resize((round(640 * factor), round(480 * factor)), Image.Resampling.BILINEAR)
            left, top = (photo.width - SIDE) // 2, (photo.height - SIDE) // 2
            photo = photo.crop((left, top, left + SIDE, top + SIDE))
        else:
            side = math.sqrt(rng.uniform(*job.area) * 480 * 640)
            left, top = rng.uniform(0, 640 - side), rng.uniform(0, 480 - side)
            box = (left, top, left + side, top + side)
            photo = photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
        if rng.random() < 0.5:
            photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if job.colors:
            for enhance, most in (
                (ImageEnhance.Brightness, 0.2),
                (ImageEnhance.Contrast, 0.2),
                (ImageEnhance.Color, 0.3),
            ):
                photo = enhance(photo).enhance(1 + rng.uniform(-most, most))
        return np.asarray(photo)

    return functools.partial(_batches, one, files, batch_size, num_threads)


def _batches(
    one: Callable[[Path], np.ndarray], files: list[Path], batch_size: int, num_threads: int
) -> Iterator[object]:
    """Batches in threads, some made ahead; OpenCV's own threads would only add to them."""
    cv2.setNumThreads(1)
    starts = collections.deque(range(0, len(files), batch_size))
    with ThreadPoolExecutor(num_threads) as pool:
        waiting = collections.deque(pool.map(one, files[start : start + batch_size]) for start in starts)
        while waiting:
            yield np.stack(list(waiting.popleft()))


PEERS = {"tf.data": by_tf_data, "albumentations": by_albumentations, "Pillow": by_pillow}
