"""Pictures that are the same, or nearly: within a split they count twice, across splits the test is no test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scanml.datasets.scan import Scanned
from scanml.datasets.splits import group_pictures
from scanml.structures.findings import Finding, Spot

# Earlier pictures of a group in the same split: a video's frames are near those just before. Across splits all are.
_MAX_COMPARED = 1000

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
    groups = group_pictures([image.look for _, image in placed], list(first), max_bits=max_bits)
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(members) > 1:
            yield from _near_in_group([placed[index] for index in members], max_bits)


def _near_in_group(placed: Sequence[_Placed], max_bits: int) -> Iterator[Finding]:
    """For each picture the nearest before it in its own split, and the nearest in the splits before."""
    words = np.array([image.look for _, image in placed], np.uint64).T.copy()  # (4, N): a fifth of the time of (N, 4)
    begin = 0  # of the split that a picture is in
    for place in range(1, len(placed)):
        if placed[place][0] != placed[begin][0]:
            begin = place
        for start, stop in ((max(begin, place - _MAX_COMPARED), place), (0, begin)):
            distances = np.bitwise_count(words[:, start:stop] ^ words[:, place, None]).sum(axis=0, dtype=np.int16)
            if distances.min(initial=256) <= max_bits:
                said = f"differs in {distances.min()} of 256 bits of its look from"
                other = placed[start + int(distances.argmin())]
                yield _pair(placed[place], other, said=said, kind="near-duplicate")


def _pair(one: _Placed, other: _Placed, *, said: str, kind: str) -> Finding:
    spots = (Spot(one[1].raw.path), Spot(other[1].raw.path))
    where = f"image {one[1].raw.file_name!r} in {one[0]}"
    problem = f"{said} {other[1].raw.file_name!r} in {other[0]}."
    if one[0] == other[0]:
        return Finding("warning", where, problem, "It counts twice.", f"{kind} within a split", spots)
    remedy = "Remove it from one of them: the test must be unknown."
    return Finding("error", where, problem, remedy, f"{kind} in two splits", spots)
