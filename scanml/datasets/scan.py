"""Open every picture once, in parallel: is it sound, how large, which way up, and what does it look like?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from scanml.datasets.coco import RawImage
from scanml.datasets.headers import Oddity, oddities, stored_size
from scanml.datasets.images import (
    MAX_MEGAPIXELS,
    decode_image,
    difference_hash,
    is_cut_short,
    pixel_hash,
    read_bytes,
    upright_boxes,
)
from scanml.errors import DataError
from scanml.structures.arrays import Floats
from scanml.structures.findings import Finding, Spot

_ODD: dict[Oddity, tuple[str, str]] = {
    "CMYK": ("made for print: its colors are converted without a profile and shift.", "Save it as RGB."),
    "16-bit": ("16 bits a channel, of which the lower 8 are dropped.", "Save it with 8, stretched to its range."),
    "gray": ("gray, while cameras see color.", "Leave it if such pictures will be asked about; else remove it."),
    "animated": ("animated: only its first frame is used.", "Save the frames that are meant as single pictures."),
}


@dataclass(frozen=True, eq=False)
class Scanned:
    """What one look at a picture tells; `size` is upright (height, width), `xyxy` its boxes there, clipped."""

    raw: RawImage
    size: tuple[int, int]
    pixel_hash: str
    look: tuple[int, ...]  # 256-bit difference hash as four 64-bit words
    xyxy: Floats
    oddities: frozenset[Oddity] = frozenset()


def scan(images: Sequence[RawImage], *, max_megapixels: int = MAX_MEGAPIXELS, title: str) -> list[Scanned | Finding]:
    """Look at every picture; one that is missing, damaged or not of the size its record gives becomes a finding."""

    def look(raw: RawImage) -> Scanned | Finding:
        try:
            return _scan_one(raw, max_megapixels)
        except DataError as error:
            missing = isinstance(error.__cause__, FileNotFoundError)
            return _finding(raw, str(error), f"picture that {'is missing' if missing else 'cannot be read'}")

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(tqdm(pool.map(look, images), total=len(images), desc=title, unit="image", disable=None))


def odd_pictures(images: Sequence[Scanned]) -> Iterator[Finding]:
    """A warning for everything that is not plain 8-bit color, though training and serving see it alike."""
    for image in images:
        for oddity in sorted(image.oddities):
            problem, remedy = _ODD[oddity]
            spots = (Spot(image.raw.path),)
            yield Finding("warning", name_image(image.raw), problem, remedy, f"{oddity} picture", spots)


def name_image(raw: RawImage) -> str:
    """How findings call a picture."""
    return f"image {raw.file_name!r} (id {raw.image_id})"


def _scan_one(raw: RawImage, max_megapixels: int) -> Scanned | Finding:
    data = read_bytes(raw.path)
    pixels = decode_image(data, where=str(raw.path), max_megapixels=max_megapixels)
    if is_cut_short(data, pixels):
        raise DataError(f"{raw.path}: its data ends before the picture does; copy or download it again.")
    height, width = pixels.shape[:2]
    said, stored = (raw.width, raw.height), stored_size(data, where=str(raw.path))
    if said not in ((0, 0), (width, height), stored):
        problem = f"{raw.path}: the picture is {width}×{height}, its record says {said[0]}×{said[1]}; mend one."
        return _finding(raw, problem, "picture of another size than its record says")
    xywh = np.asarray(raw.xywh, np.float64).reshape(-1, 4)
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    xyxy = np.clip(xyxy, 0, [raw.width, raw.height] * 2).astype(np.float32)
    xyxy = upright_boxes(xyxy, data, said=said, upright_size=(height, width))
    look = tuple(int(word) for word in difference_hash(pixels))
    return Scanned(raw, (height, width), pixel_hash(pixels), look, xyxy, oddities(data))


def _finding(raw: RawImage, problem: str, kind: str) -> Finding:
    """The first box goes along: it shows how the labels and the picture miss each other."""
    spot = Spot(raw.path)
    if raw.xywh and raw.width and raw.height:
        left, top, width, height = raw.xywh[0]
        spot = Spot(raw.path, (left, top, left + width, top + height), (raw.width, raw.height))
    return Finding("error", name_image(raw), problem, "", kind, (spot,))
