"""The pictures of a split as augmentation uses them: no larger than it can show, decoded once if there is room."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from scanml.datasets.cache import Cache, FileCache, MemoryCache
from scanml.datasets.headers import stored_size
from scanml.datasets.records import Split
from scanml.structures.arrays import Floats, Pixels

_JPEG = b"\xff\xd8"
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class Pictures:
    """Pictures, boxes and sizes of `split` for batch images of `image_size` that zoom in by `most_zoom` at most.

    They are kept in memory, or in a file in `cache_folder`.
    """

    def __init__(
        self, split: Split, *, image_size: tuple[int, int], most_zoom: float, cache_folder: Path | None
    ) -> None:
        self.split = split
        self.sizes = [_usable(record.size, image_size, most_zoom) for record in split.records]  # (height, width)
        self.most = max(height for height, _ in self.sizes), max(width for _, width in self.sizes)
        self._cache: Cache = MemoryCache()
        if cache_folder is not None:
            self._cache = FileCache(cache_folder, [*split.image_hashes, str(split.read_is_checked)], sizes=self.sizes)

    def boxes(self, index: int) -> Floats:
        """The boxes (N, 4) of picture `index`, in its pixels here."""
        record, (height, width) = self.split.records[index], self.sizes[index]
        factors = np.array([width / record.size[1], height / record.size[0]] * 2, np.float32)
        return np.asarray(record.xyxy, np.float32).reshape(-1, 4) * factors

    def pixels(self, index: int) -> Pixels:
        """Picture `index`, uint8 (height, width, 3) RGB of its size here."""
        pixels = self._cache.get(index)
        if pixels is None:
            height, width = self.sizes[index]
            pixels = _decode(self.split, index, (height, width))
            if pixels.shape[:2] != (height, width):
                pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            self._cache.put(index, pixels)
        return pixels


def _usable(size: tuple[int, int], image_size: tuple[int, int], most_zoom: float) -> tuple[int, int]:
    """The size (height, width) to keep a picture in: its own, a half, a quarter or an eighth of it, which cost little
    to make, or exactly what can be shown where that has at most half as many pixels."""
    height, width = size
    scale = most_zoom * min(image_size[0] / height, image_size[1] / width)
    factor = _factor(size, (height * scale, width * scale))
    if scale >= 1 or (factor * scale) ** 2 > 0.5:
        return -(-height // factor), -(-width // factor)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _factor(size: tuple[int, int], least: tuple[float, float]) -> int:
    """By how much, 1, 2, 4 or 8, `size` can be divided and still be `least`."""
    return max((f for f in _REDUCED if -(-size[0] // f) >= least[0] and -(-size[1] // f) >= least[1]), default=1)


def _decode(split: Split, index: int, least: tuple[int, int]) -> Pixels:
    """Picture `index`, at least of the size `least`.

    A JPEG whose bytes were checked is decoded at a half, a quarter or an eighth where that is enough, which costs half
    as much, and its pixels are not hashed, which costs half of decoding.
    """
    record = split.records[index]
    data = split.read(index) if split.read_is_checked else b""
    if data.startswith(_JPEG) and stored_size(data, where=record.file_name) == record.size[::-1]:
        flags = _REDUCED[_factor(record.size, least)] | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if pixels is not None:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    return split.frame(index).pixels
