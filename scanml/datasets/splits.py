"""Which split a picture belongs to: a stable hash of its group, where near-duplicates form one group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scanml.datasets.config import DataConfig
from scanml.errors import DataError

# Of 256 bits. A plain or evenly shaded picture sets hardly any or nearly all: a black and a white one look "alike".
_LEAST_BITS = 16


def group_pictures(
    looks: Sequence[tuple[int, ...]], pixel_hashes: Sequence[str], *, max_bits: int
) -> npt.NDArray[np.int64]:
    """A group number (N,) for each picture: near-duplicates are one group, see `group_near_duplicates`.

    Pictures with too little in them to have a look of their own are one group only where their pixels are equal.
    """
    bits = np.bitwise_count(np.asarray(looks, np.uint64).reshape(-1, 4)).sum(axis=1)
    telling = np.flatnonzero((bits >= _LEAST_BITS) & (bits <= 256 - _LEAST_BITS))
    groups = np.unique(pixel_hashes, return_inverse=True)[1].astype(np.int64)
    of_telling = group_near_duplicates([looks[place] for place in telling.tolist()], max_bits=max_bits)
    groups[telling] = len(groups) + of_telling
    return groups


def group_near_duplicates(looks: Sequence[tuple[int, ...]], *, max_bits: int) -> npt.NDArray[np.int64]:
    """A group number (N,) for each 256-bit hash: hashes within `max_bits` of each other, directly or by a chain.

    Exact for `max_bits` < 16: hashes that differ in so few bits agree in one of their 16 bands of 16 bits, so only
    those that share a band are compared and the cost stays near linear.
    """
    if not looks:
        return np.zeros(0, np.int64)
    words, place = np.unique(np.asarray(looks, np.uint64).reshape(-1, 4), axis=0, return_inverse=True)
    group = np.arange(len(words))
    for band in words.view(np.uint16).T:
        order = np.argsort(band, kind="stable")
        edges = np.zeros((2, 0), np.int64)
        for places in _equal_pairs(band[order]):
            pairs = order[places]
            pairs = pairs[:, group[pairs[0]] != group[pairs[1]]]
            distance = np.bitwise_count(words[pairs[0]] ^ words[pairs[1]]).sum(axis=1)
            edges = np.concatenate([edges, group[pairs[:, distance <= max_bits]]], axis=1)
            if edges.shape[1] > len(words):  # frames of one video may all be pairs: many more than fit in memory
                group, edges = _joined(edges, len(words))[group], edges[:, :0]
        group = _joined(edges, len(words))[group]
    return np.asarray(group[place.ravel()], np.int64)


def assign_splits(
    pixel_hashes: Sequence[str], groups: npt.NDArray[np.int64], *, missing: Sequence[str], config: DataConfig
) -> list[str]:
    """train, validation or test for each picture of a set that has to provide the `missing` splits.

    A group's place is the hash of its smallest pixel hash, so adding other pictures moves nothing. Every missing split
    gets at least one group.

    Raises:
        DataError: fewer groups than splits.
    """
    key_of: dict[int, str] = {}
    for group, pixels in zip(groups.tolist(), pixel_hashes, strict=True):
        key_of[group] = min(pixels, key_of.get(group, pixels))
    if not missing:
        return ["train"] * len(pixel_hashes)
    ordered = sorted(key_of, key=lambda group: _position(key_of[group]))
    if len(ordered) < len(missing) + 1:
        raise DataError(
            f"expected at least {len(missing) + 1} different pictures to cut {' and '.join(missing)} from train, "
            f"received {len(ordered)} after near-duplicates were put together; add pictures or give split files."
        )
    cut = [split for split in ("test", "validation") if split in missing]
    split_of: dict[int, str] = {}
    edge, start = 0.0, 0
    for remaining, split in zip(range(len(cut), 0, -1), cut, strict=True):
        edge += config.test_fraction if split == "test" else config.validation_fraction
        stop = max(start + 1, sum(_position(key_of[group]) < edge for group in ordered))
        stop = min(stop, len(ordered) - remaining)  # one group at least for every split after this one
        split_of.update(dict.fromkeys(ordered[start:stop], split))
        start = stop
    return [split_of.get(group, "train") for group in groups.tolist()]


def _equal_pairs(ordered: npt.NDArray[np.uint16]) -> Iterator[npt.NDArray[np.int64]]:
    """All pairs of places (2, K) with equal values in a sorted array: neighbors first, then those two apart, ..."""
    first = np.arange(len(ordered))
    for apart in range(1, len(ordered)):
        first = first[first + apart < len(ordered)]
        first = first[ordered[first] == ordered[first + apart]]
        if not len(first):
            return
        yield np.stack([first, first + apart])


def _joined(edges: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """A component number for each of `count` nodes that `edges` (2, K) connect."""
    graph = coo_array((np.ones(edges.shape[1], bool), (edges[0], edges[1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _position(key: str) -> float:
    return int(hashlib.sha256(f"split:{key}".encode()).hexdigest()[:13], 16) / 16**13
