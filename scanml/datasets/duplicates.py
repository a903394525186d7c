"""Pictures that are the same, or nearly: within a split they count twice, across splits the test is no test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scanml.datasets.scan import Scanned
from scanml.datasets.splits import group_near_duplicates
from scanml.structures.arrays import Ints
from scanml.structures.findings import Finding, Spot

# Of 256 bits. A plain or evenly shaded picture sets hardly any or nearly all: a black and a white one look "alike".
_LEAST_BITS = 16
_MAX_COMPARED = 1000  # earlier pictures of one group: a video's frames are near those just before

_Placed = tuple[str, Scanned]  # a picture and the split it is in


def exact_duplicates(split_of: Mapping[str, Sequence[Scanned]]) -> Iterator[Finding]:
    """Pictures with equal pixels: an error across splits (the test would be known), a warning within one."""
    first: dict[str, _Placed] = {}
    for split, images in split_of.items():
        for image in images:
            other = first.setdefault(image.pixel_hash, (split, image))
            if other[1] is not image:
                yield _pair((split, image), other, said="is the same picture as", kind="same picture")


def near_duplicates(split_of: Mapping[str, Sequence[Scanned]], *, max_bits: int) -> Iterator[Finding]:
    """Pictures whose looks differ in at most `max_bits` of 256 from an earlier one, each with the nearest.

    An error across the splits of `split_of`, a warning within one; equal pictures are left to `exact_duplicates`, and
    pictures with too little in them to have a look of their own are not compared.
    """
    first: dict[str, _Placed] = {}
    for split, images in split_of.items():
        for image in images:
            first.setdefault(image.pixel_hash, (split, image))
    placed = list(first.values())
    looks = np.array([image.look for _, image in placed], np.uint64).reshape(-1, 4)
    bits = np.bitwise_count(looks).sum(axis=1)
    telling = np.flatnonzero((bits >= _LEAST_BITS) & (bits <= 256 - _LEAST_BITS))
    groups = group_near_duplicates([placed[index][1].look for index in telling], max_bits=max_bits)
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    for members in np.split(telling[order], edges):
        for position in range(1, len(members)):
            place, earlier = members[position], members[max(0, position - _MAX_COMPARED) : position]
            distances = np.bitwise_count(looks[earlier] ^ looks[place]).sum(axis=1)
            yield from _nearest(placed, int(place), earlier[distances <= max_bits], distances[distances <= max_bits])


def _nearest(placed: Sequence[_Placed], place: int, earlier: Ints, distances: Ints) -> Iterator[Finding]:
    """The nearest of the `earlier` pictures in the same split, and the nearest in another."""
    same = np.array([placed[index][0] == placed[place][0] for index in earlier], bool)
    for chosen in (same, ~same):
        if chosen.any():
            other = placed[earlier[chosen][np.argmin(distances[chosen])]]
            said = f"differs in {distances[chosen].min()} of 256 bits of its look from"
            yield _pair(placed[place], other, said=said, kind="near-duplicate")


def _pair(one: _Placed, other: _Placed, *, said: str, kind: str) -> Finding:
    spots = (Spot(one[1].raw.path), Spot(other[1].raw.path))
    where = f"image {one[1].raw.file_name!r} in {one[0]}"
    problem = f"{said} {other[1].raw.file_name!r} in {other[0]}."
    if one[0] == other[0]:
        return Finding("warning", where, problem, "It counts twice.", f"{kind} within a split", spots)
    remedy = "Remove it from one of them: the test must be unknown."
    return Finding("error", where, problem, remedy, f"{kind} in two splits", spots)
