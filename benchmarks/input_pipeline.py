"""How fast do JPEG photos become augmented batches? Ours beside tf.data, albumentations and Pillow: one job for all.

    python -m benchmarks.input_pipeline

A 640×480 JPEG becomes one of 224×224 uint8 in a batch of 32, on two threads. Two jobs, each without and with changed
colors (brightness, contrast, saturation):

- zoom: the whole photo fitted in, at 0.7 to 1.3 of its size, mirrored half the time; the default of a training here.
- crop: a square of 20 to 75 % of the photo's area, mirrored half the time. It needs the photo's every pixel.

Ours is timed twice: the first epoch reads JPEGs from shards and fills the cache file, the second reads that. The others
read JPEG files. All of it lies in the system's page cache. Every repeat runs all of them in turn, and ratios are taken
within a repeat, so that a busy machine slows all alike; processor time is recorded beside the clock's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import truediv
from pathlib import Path

import cv2
import numpy as np

from benchmarks._pipeline_peers import PEERS, Epoch, Job
from benchmarks._record import record
from scanml.datasets import AugmentConfig, BatchSource, Record, Split, open_split, write_shards
from scanml.datasets.images import decode_image, pixel_hash
from scanml.datasets.synthetic import draw_scene
from scanml.structures import LabelSpace

MINUTES = 10
NEEDS = ("albumentations",)

NUM_PHOTOS, BATCH_SIZE, SIDE, NUM_THREADS = 256, 32, 224, 2
QUALITY = 90  # of the JPEGs
STEPS = NUM_PHOTOS // BATCH_SIZE
STILL = AugmentConfig(translate=0, brightness=0, contrast=0, saturation=0)
# Fitted into a square, a photo of 4:3 fills it from a zoom of 4/3 on; a square of 75 to 20 % of its area lies beyond.
JOBS = {
    "zoom": Job(STILL, area=None),
    "crop": Job(replace(STILL, scale=(4 / 3, (1 / 0.2 * 4 / 3) ** 0.5)), area=(0.2, 0.75)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files, split = _draw_photos(Path(name))
        values = {
            f"{kind}{' colors' if colors else ''}": _compare(
                files, split, replace(JOBS[kind], colors=colors), Path(name) / "cache", repeats=parsed.repeats
            )
            for kind in parsed.jobs
            for colors in (False, True)
        }
        size = statistics.mean(file.stat().st_size for file in files)
    settings = {
        "photos": NUM_PHOTOS,
        "mean_jpeg_bytes": round(size),
        "batch": BATCH_SIZE,
        "threads": NUM_THREADS,
        "repeats": parsed.repeats,
    }
    record("input_pipeline", values, settings=settings)


def _compare(files: list[Path], split: Split, job: Job, cache: Path, *, repeats: int) -> dict[str, object]:
    """Images per second and per core-second of everybody, and of ours over theirs: medians."""
    peers = {name: start(files, job, BATCH_SIZE, NUM_THREADS) for name, start in PEERS.items()}
    rates: dict[str, list[tuple[float, float]]] = {}
    for repeat in range(repeats + 1):
        shutil.rmtree(cache, ignore_errors=True)
        runs: dict[str, Epoch] = peers | {
            "first epoch": lambda: _source(split, job, cache).stream(0, STEPS, num_threads=NUM_THREADS),
            "second epoch": lambda: _source(split, job, cache).stream(STEPS, 2 * STEPS, num_threads=NUM_THREADS),
        }
        for name, run in runs.items():
            rate = _measure(run)
            if repeat:  # the first one warms up
                rates.setdefault(name, []).append(rate)
    values: dict[str, object] = {}
    for number, unit in enumerate(("images per second", "images per core-second")):
        own = {name: [rate[number] for rate in found] for name, found in rates.items()}
        values[unit] = {name: round(statistics.median(found)) for name, found in own.items()}
        values[f"ratios of {unit}"] = {
            f"{ours} / {name}": round(statistics.median(map(truediv, own[ours], own[name])), 2)
            for ours in ("first epoch", "second epoch")
            for name in PEERS
        }
    return values


def _measure(run: Epoch) -> tuple[float, float]:
    """Images per second and per second of processor time, of the system's too."""
    wall, processor = time.perf_counter(), time.process_time()
    images = sum(BATCH_SIZE for _ in run())
    return images / (time.perf_counter() - wall), images / (time.process_time() - processor)


def _source(split: Split, job: Job, cache: Path) -> BatchSource:
    augment = job.augment if not job.colors else replace(job.augment, brightness=0.2, contrast=0.2, saturation=0.3)
    return BatchSource(
        split, "detector", image_size=(SIDE, SIDE), batch_size=BATCH_SIZE, augment=augment, seed=0, cache=cache
    )


def _draw_photos(folder: Path) -> tuple[list[Path], Split]:
    """Four drawn scenes side by side make one photo of 640×480."""
    (folder / "photos").mkdir()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        files = list(pool.map(lambda index: _draw_photo(folder / "photos" / f"{index}.jpg", index), range(NUM_PHOTOS)))
    data = [file.read_bytes() for file in files]
    hashes = [pixel_hash(decode_image(encoded, where="")) for encoded in data]
    records = [Record(file.name, i, hashes[i], (480, 640)) for i, file in enumerate(files)]
    write_shards(
        Split("train", LabelSpace((), (), ()), records, lambda i: data[i]), folder / "shards", shard_megabytes=64
    )
    return files, open_split(folder / "shards")


def _draw_photo(path: Path, index: int) -> Path:
    scenes = [draw_scene(np.random.default_rng([index, part])).pixels for part in range(4)]
    photo = np.vstack([np.hstack(scenes[:2]), np.hstack(scenes[2:])])
    cv2.imwrite(str(path), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return path


if __name__ == "__main__":
    main()
