"""Labelled pictures on disk → the three splits of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from scanml.datasets.config import DataConfig
from scanml.datasets.duplicates import exact_duplicates, near_duplicates
from scanml.datasets.folder import RawData, read_folder, read_instances, refuse_errors
from scanml.datasets.images import read_bytes
from scanml.datasets.records import DataSet, Record, Split, data_set
from scanml.datasets.scan import Scanned, scan
from scanml.datasets.splits import assign_splits, group_pictures
from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.findings import Finding, bounded

_SPLITS = ("train", "validation", "test")


def load_coco(images: str | Path, instances: str | Path, *, config: DataConfig | None = None) -> DataSet:
    """A data set from one COCO file and its picture folder, split by a stable hash, near-duplicates kept together.

    Raises:
        DataError: the first things wrong with the data, by file and record.
    """
    config = config or DataConfig()
    raw = read_instances(Path(images), Path(instances), follow_links=config.follow_links)
    return _split(raw.first(config.limit), config)


def load_folder(root: str | Path, *, config: DataConfig | None = None) -> DataSet:
    """A data set from a raw data folder (see `datasets.folder`); splits that have their own file are kept."""
    config = config or DataConfig()
    return _split(read_raw(Path(root), config), config)


def read_raw(root: Path, config: DataConfig) -> RawData:
    """The labels of a raw data folder; no picture is opened."""
    unlisted_absent = config.unlisted == "absent"
    return read_folder(root, unlisted_absent=unlisted_absent, follow_links=config.follow_links).first(config.limit)


def look_at(data: RawData, config: DataConfig) -> tuple[dict[str, list[Scanned]], list[Finding]]:
    """Look at every picture: the sound ones by split, and all findings of files, records and pictures."""
    scanned: dict[str, list[Scanned]] = {}
    findings = list(data.findings)
    for split, images in data.splits.items():
        results = scan(images, max_megapixels=config.max_megapixels, title=f"look at {split}")
        scanned[split] = [result for result in results if isinstance(result, Scanned)]
        findings += [result for result in results if isinstance(result, Finding)]
    alike = near_duplicates(scanned, max_bits=config.near_duplicate_bits)
    return scanned, bounded(chain(findings, exact_duplicates(scanned), alike))


def cut(scanned: Mapping[str, Sequence[Scanned]], labels: LabelSpace, config: DataConfig) -> DataSet:
    """The three splits; those that are missing are cut from train.

    Raises:
        DataError: no picture, or too few to cut.
    """
    if not any(scanned.values()):
        raise DataError("the data set is empty: its files list no image; list at least three.")
    missing = [split for split in ("validation", "test") if split not in scanned]
    pool = scanned["train"]
    looks, pixel_hashes = [image.look for image in pool], [image.pixel_hash for image in pool]
    groups = group_pictures(looks, pixel_hashes, max_bits=config.near_duplicate_bits)
    chosen = assign_splits(pixel_hashes, groups, missing=missing, config=config)
    by_split = {split: images for split, images in scanned.items() if split != "train"}
    by_split |= {s: [i for i, c in zip(pool, chosen, strict=True) if c == s] for s in ("train", *missing)}
    return data_set({split: view(split, by_split[split], labels) for split in _SPLITS})


def _split(data: RawData, config: DataConfig) -> DataSet:
    refuse_errors(data.findings)
    scanned, findings = look_at(data, config)
    refuse_errors(tuple(findings))
    return cut(scanned, data.labels, config)


def view(name: str, images: Sequence[Scanned], labels: LabelSpace) -> Split:
    """Sound pictures on disk as a split."""
    return Split(name, labels, [Record.of(image) for image in images], lambda i: read_bytes(images[i].raw.path))
