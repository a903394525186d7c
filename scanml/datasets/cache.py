"""Decoded pictures kept for the epochs after the first: in memory, or in one file that outlives the process.

The file is a header (key, then one entry per picture) and the pixels, each picture at a place of its own. Pictures are
written as they are first decoded; an entry is written after its pixels and holds their checksum, so that whatever a
killed run or a lost power supply left behind is either whole or not believed.
"""

from __future__ import annotations

import logging
import math
import mmap
import os
import shutil
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scanml.config import fingerprint
from scanml.structures.arrays import Pixels

MEMORY_BYTES = 2 << 30  # a quarter of a small machine
FILE_BYTES = 8 << 30  # what a container's disk usually has to spare; 27,000 pictures of 320×320
_NAME, _FORMAT = "pictures.cache", 1
_ENTRY, _ENTRY_BYTES = np.dtype("<u8"), 8
_WRITTEN = 1 << 32  # an entry's bit above its checksum: 0 is an empty entry, not a checksum of 0
_log = logging.getLogger(__name__)


class Cache(Protocol):
    """Where a picture is looked for before it is decoded. What does not fit is not kept."""

    def get(self, index: int) -> Pixels | None: ...

    def put(self, index: int, pixels: Pixels) -> None: ...


class MemoryCache:
    """Pictures in memory, up to `max_bytes`."""

    def __init__(self, *, max_bytes: int = MEMORY_BYTES) -> None:
        self._pictures: dict[int, Pixels] = {}
        self._room = max_bytes

    def get(self, index: int) -> Pixels | None:
        return self._pictures.get(index)

    def put(self, index: int, pixels: Pixels) -> None:
        if pixels.nbytes <= self._room:
            self._room -= pixels.nbytes
            self._pictures[index] = pixels


class FileCache:
    """Pictures in a memory-mapped file in `folder`, up to `max_bytes`; shared by threads, found again by a later run.

    New pictures take at most half of what is free on the disk when it is opened; the rest is for checkpoints beside it.
    `hashes` say which pictures they are, `sizes` their (height, width) here: a file of others is discarded. A picture
    that differs from its checksum is decoded again, and a disk that is full or fails is done without: both are said in
    the log. The folder can be removed at any time.
    """

    def __init__(
        self, folder: Path, hashes: Sequence[str], *, sizes: Sequence[tuple[int, int]], max_bytes: int = FILE_BYTES
    ) -> None:
        key = fingerprint([_FORMAT, hashes, sizes]).encode()
        self._path, self._sizes = folder / _NAME, sizes
        self._entries_at = len(key)
        num_bytes = np.array([height * width * 3 for height, width in sizes], np.int64)
        start = self._entries_at + _ENTRY_BYTES * len(sizes)
        ends = start + np.cumsum(num_bytes)
        self._places, self._fits = ends - num_bytes, ends <= max_bytes
        length = int(ends[self._fits].max(initial=start))  # whatever is free: a later run finds the same places
        self._entries = np.zeros(len(sizes), _ENTRY)
        self._trusted = np.zeros(len(sizes), bool)  # written or checked by this process
        self._file: int | None = None  # where to write; none after the disk failed
        self._failed = False
        try:
            self._open(key, length)
            to_come = np.where(self._entries == 0, num_bytes, 0)
            self._fits &= np.cumsum(to_come) <= shutil.disk_usage(folder).free // 2
        except OSError as error:
            self._stop_writing(error)

    def get(self, index: int) -> Pixels | None:
        entry, shape = self._entries[index], (*self._sizes[index], 3)
        if not entry:
            return None
        pixels = np.frombuffer(self._map, np.uint8, math.prod(shape), self._places[index]).reshape(shape)
        if not self._trusted[index] and _entry_of(pixels) != entry:
            _log.warning("%s: picture %d differs from its checksum; it is decoded again.", self._path, index)
            self._entries[index] = 0
            return None
        self._trusted[index] = True
        return pixels

    def put(self, index: int, pixels: Pixels) -> None:
        if self._file is None or not self._fits[index]:
            return
        pixels = np.ascontiguousarray(pixels)
        entry = _entry_of(pixels)
        try:  # not through the map: a disk that is full would end the process there
            _write(self._file, pixels, at=int(self._places[index]))
            _write(self._file, np.array(entry, _ENTRY), at=self._entries_at + _ENTRY_BYTES * index)
        except OSError as error:
            self._stop_writing(error)
        else:
            self._trusted[index] = True
            self._entries[index] = entry  # last: from here on other threads read it

    def _open(self, key: bytes, num_bytes: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not _holds(self._path, key, num_bytes):
            partial = self._path.with_suffix(".partial")
            with partial.open("wb") as new:
                new.write(key)
                new.truncate(num_bytes)  # a hole: it takes room on the disk as pictures come
            partial.replace(self._path)  # whoever reads the old one keeps it
        self._file = os.open(self._path, os.O_RDWR)
        weakref.finalize(self, os.close, self._file)
        self._map = mmap.mmap(self._file, num_bytes, access=mmap.ACCESS_READ)
        self._entries = np.frombuffer(self._map, _ENTRY, len(self._sizes), self._entries_at).copy()

    def _stop_writing(self, error: OSError) -> None:
        if not self._failed:
            _log.warning("%s: no further pictures are kept (%s); they are decoded each time.", self._path, error)
        self._file, self._failed = None, True


def _entry_of(pixels: Pixels) -> int:
    return zlib.crc32(pixels.data) | _WRITTEN


def _holds(path: Path, key: bytes, num_bytes: int) -> bool:
    """Whether the file there is one of this key, whole."""
    if not path.is_file() or path.stat().st_size != num_bytes:
        return False
    with path.open("rb") as file:
        return file.read(len(key)) == key


def _write(file: int, values: npt.NDArray[np.generic], *, at: int) -> None:
    left = values.data.cast("B")
    while left:
        written = os.pwrite(file, left, at)
        left, at = left[written:], at + written
