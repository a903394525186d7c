"""How often every class and every trigger is there, split by split, and which are too rare to learn or to measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from scanml.structures.examples import LabelSpace
from scanml.structures.findings import Finding, Spot

# LVIS (Gupta et al. 2019) calls a class rare that at most 10 training images show; as many boxes are in no more images.
MAX_RARE = 10
MAX_RATIO = 100  # He & Garcia 2009, "Learning from Imbalanced Data", name 100:1 as where imbalance begins to be severe

Counts = Mapping[str, Mapping[str, int]]  # class or trigger → split → number


class Labelled(Protocol):
    """What a picture's labels are: of every box its class and whether it is a region of many; the triggers present."""

    @property
    def labels(self) -> Sequence[int]: ...

    @property
    def crowd(self) -> Sequence[bool]: ...

    @property
    def present(self) -> Collection[str]: ...


def count_classes(splits: Mapping[str, Sequence[Labelled]], labels: LabelSpace) -> Counts:
    """The boxes of every class in every split, regions of many aside."""
    names = labels.class_names
    found = {
        split: Counter(
            label for image in images for label, crowd in zip(image.labels, image.crowd, strict=True) if not crowd
        )
        for split, images in splits.items()
    }
    return {name: {split: found[split][label] for split in splits} for label, name in enumerate(names)}


def count_triggers(splits: Mapping[str, Sequence[Labelled]], labels: LabelSpace) -> Counts:
    """The pictures in which every trigger is present, in every split."""
    found = {split: Counter(name for image in images for name in image.present) for split, images in splits.items()}
    return {name: {split: found[split][name] for split in splits} for name in labels.trigger_names}


def check_balance(counts: Counts, *, what: str, spots: Mapping[str, Spot]) -> Iterator[Finding]:
    """Warnings for the classes or triggers (`what`) that a split lacks, that are rare, or far rarer than others.

    `spots` has a picture of each, where there is one.
    """
    for name, by_split in counts.items():
        where, evidence = f"{what} {name!r}", (spots[name],) if name in spots else ()
        lacking = [split for split, count in by_split.items() if not count]
        remedy = f"Add pictures of it, or leave the {what} out."
        if lacking:
            problem = f"there is none in {' and '.join(lacking)}."
            yield Finding("warning", where, problem, remedy, f"{what} that a split lacks", evidence)
        elif by_split.get("train", MAX_RARE + 1) <= MAX_RARE:
            problem = f"there are only {by_split['train']} in train."
            yield Finding("warning", where, problem, remedy, f"rare {what}", evidence)
    train = {name: by_split["train"] for name, by_split in counts.items() if by_split.get("train")}
    if len(train) < 2:
        return
    most, least = max(train, key=train.__getitem__), min(train, key=train.__getitem__)
    if train[most] > MAX_RATIO * train[least]:
        problem = f"in train {train[most]:,} of {most!r} stand against {train[least]:,} of {least!r}."
        remedy = f"Add pictures of what is rare, and read the results {what} by {what}."
        pair = tuple(spots[name] for name in (most, least) if name in spots)
        yield Finding("warning", f"{what} {least!r}", problem, remedy, f"{what} far rarer than another", pair)
