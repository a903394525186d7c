"""Open every picture once, in parallel: is it sound, how large, which way up, and what does it look like?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from scanml.datasets.coco import RawImage
from scanml.datasets.images import (
    MAX_MEGAPIXELS,
    decode_image,
    difference_hash,
    orientation,
    pixel_hash,
    read_bytes,
    stored_size,
    turn_boxes,
)
from scanml.errors import DataError
from scanml.structures.arrays import Floats
from scanml.structures.reports import Finding


@dataclass(frozen=True, eq=False)
class Scanned:
    """What one look at a picture tells; `size` is upright (height, width), `xyxy` its boxes there, clipped."""

    raw: RawImage
    size: tuple[int, int]
    pixel_hash: str
    look: tuple[int, ...]  # 256-bit difference hash as four 64-bit words
    xyxy: Floats


def scan(images: Sequence[RawImage], *, max_megapixels: int = MAX_MEGAPIXELS, title: str) -> list[Scanned | Finding]:
    """Look at every picture; one that is missing, damaged or not of the size its record gives becomes a finding."""

    def look(raw: RawImage) -> Scanned | Finding:
        try:
            return _scan_one(raw, max_megapixels)
        except DataError as error:
            return Finding("error", f"image {raw.file_name!r} (id {raw.image_id})", str(error), "")

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(tqdm(pool.map(look, images), total=len(images), desc=title, unit="image", disable=None))


def _scan_one(raw: RawImage, max_megapixels: int) -> Scanned:
    data = read_bytes(raw.path)
    pixels = decode_image(data, where=str(raw.path), max_megapixels=max_megapixels)
    height, width = pixels.shape[:2]
    said, stored = (raw.width, raw.height), stored_size(data, where=str(raw.path))
    if said not in ((0, 0), (width, height), stored):
        raise DataError(f"{raw.path}: the picture is {width}×{height}, its record says {said[0]}×{said[1]}; mend one.")
    xywh = np.asarray(raw.xywh, np.float64).reshape(-1, 4)
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    xyxy = np.clip(xyxy, 0, [raw.width, raw.height] * 2).astype(np.float32)
    if said != (width, height):
        xyxy = turn_boxes(xyxy, (raw.height, raw.width), orientation(data))
    look = tuple(int(word) for word in difference_hash(pixels))
    return Scanned(raw, (height, width), pixel_hash(pixels), look, xyxy)


def exact_duplicates(split_of: dict[str, list[Scanned]]) -> Iterator[Finding]:
    """Pictures with equal pixels: an error across splits (the test would be known), a warning within one."""
    first: dict[str, tuple[str, Scanned]] = {}
    for split, images in split_of.items():
        for image in images:
            other = first.setdefault(image.pixel_hash, (split, image))
            if other[1] is image:
                continue
            where = f"image {image.raw.file_name!r} in {split}"
            problem = f"is the same picture as {other[1].raw.file_name!r} in {other[0]}."
            if other[0] == split:
                yield Finding("warning", where, problem, "It counts twice.")
            else:
                yield Finding("error", where, problem, "Remove it from one of them: the test must be unknown.")
