"""How long `scanml validate` takes: every label checked, every picture decoded, hashed and compared with all others.

    python -m benchmarks.validate [--images 10000]

Draws photos of 640×480 in three splits into a temporary folder: ellipses on a ground of noise, every twentieth photo
another one of its split again, smaller and recompressed. The promise: 10,000 in under 60 s on 2 cores.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks._record import record, run_command

MINUTES = 3

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
COPY_EVERY = 20
SIZE = (480, 640)  # height, width
CLASSES = ("cup", "plate", "lamp", "chair")
JPEG_QUALITY = 90


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "data", Path(folder) / "out"
        start = time.perf_counter()
        megabytes = draw_folder(root, num_images=parsed.images, seed=parsed.seed)
        drawn = time.perf_counter() - start
        seconds = run_command(["scanml", "validate", "--config", "detect", "--in", f"data={root}", "--out", str(out)])
        report = json.loads((out / "report.json").read_text())
        page_megabytes = (out / "page.html").stat().st_size / 1e6
    values = {
        "seconds": round(seconds, 2),
        "images_per_s": round(parsed.images / seconds, 1),
        "step_seconds": report["seconds"],
        "step_cpu_seconds": report["cpu_seconds"],
        "boxes": report["facts"]["counts"]["boxes"],
        "found": {group["kind"]: group["count"] for group in report["facts"]["findings"]},
        "page_megabytes": round(page_megabytes, 2),
        "drawing_s": round(drawn, 1),
    }
    settings = {"images": parsed.images, "seed": parsed.seed, "size": SIZE, "megabytes": round(megabytes, 1)}
    record("validate", values, settings=settings)


def draw_folder(root: Path, *, num_images: int, seed: int) -> float:
    """Draw the splits; returns how many megabytes the photos have."""
    (root / "images").mkdir(parents=True)
    first = 0
    for split, share in SHARES.items():
        count = round(share * num_images)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            boxes = list(pool.map(lambda index: _draw_file(root, seed=seed, index=index), range(first, first + count)))
        _write_labels(root / f"{split}.json", first, boxes)
        first += count
    return sum(path.stat().st_size for path in (root / "images").iterdir()) / 1e6


def _draw_file(root: Path, *, seed: int, index: int) -> list[list[int]]:
    is_copy = index % COPY_EVERY == COPY_EVERY - 1
    pixels, boxes = _draw(np.random.default_rng([seed, index - is_copy]))
    if is_copy:
        small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    cv2.imwrite(str(root / "images" / f"{index:06d}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return boxes


def _draw(rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], list[list[int]]]:
    """Pixels (H, W, 3) and boxes [x, y, width, height, class]."""
    ground = cv2.resize(rng.integers(40, 215, (12, 16, 3), dtype=np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    pixels = np.asarray(cv2.add(ground, np.roll(_grain(), int(rng.integers(SIZE[0])), axis=0)), np.uint8)
    boxes = []
    for _ in range(rng.integers(1, 9)):
        width, height = (int(side) for side in rng.integers(24, 160, 2))
        x, y = int(rng.integers(0, SIZE[1] - width)), int(rng.integers(0, SIZE[0] - height))
        center, axes = (x + width // 2, y + height // 2), (width // 2, height // 2)
        cv2.ellipse(pixels, center, axes, 0, 0, 360, rng.integers(0, 256, 3).tolist(), cv2.FILLED, cv2.LINE_AA)
        boxes.append([x, y, width, height, int(rng.integers(len(CLASSES)))])
    return pixels, boxes


@functools.cache
def _grain() -> npt.NDArray[np.uint8]:
    """Noise (H, W, 3) of about as many gray levels as a phone's sensor leaves; every photo has it shifted."""
    return np.random.default_rng(0).integers(0, 16, (*SIZE, 3), dtype=np.uint8)


def _write_labels(path: Path, first: int, boxes: list[list[list[int]]]) -> None:
    size = {"width": SIZE[1], "height": SIZE[0]}
    images = [{"id": first + i, "file_name": f"{first + i:06d}.jpg", **size} for i in range(len(boxes))]
    flat = [(first + i, box) for i, found in enumerate(boxes) for box in found]
    annotations = [
        {"id": number, "image_id": image_id, "category_id": box[4] + 1, "bbox": box[:4]}
        for number, (image_id, box) in enumerate(flat, start=1)
    ]
    categories = [{"id": label, "name": name} for label, name in enumerate(CLASSES, start=1)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


if __name__ == "__main__":
    main()
