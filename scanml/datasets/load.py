"""Labelled pictures on disk → the three splits of a data set."""

from __future__ import annotations

from pathlib import Path

from scanml.datasets.coco import RawImage
from scanml.datasets.config import DataConfig
from scanml.datasets.folder import RawData, read_folder, read_instances, refuse_errors
from scanml.datasets.images import read_bytes
from scanml.datasets.records import DataSet, Record, Split, data_set
from scanml.datasets.scan import Scanned, exact_duplicates, scan
from scanml.datasets.splits import assign_splits, group_near_duplicates
from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.reports import DataReport, Finding

_SPLITS = ("train", "validation", "test")


def load_coco(images: str | Path, instances: str | Path, *, config: DataConfig | None = None) -> DataSet:
    """A data set from one COCO file and its picture folder, split by a stable hash, near-duplicates kept together.

    Raises:
        DataError: the first things wrong with the data, by file and record.
    """
    return _split(read_instances(Path(images), Path(instances)), config or DataConfig())


def load_folder(root: str | Path, *, config: DataConfig | None = None) -> DataSet:
    """A data set from a raw data folder (see `datasets.folder`); splits that have their own file are kept."""
    config = config or DataConfig()
    return _split(read_folder(Path(root), unlisted_absent=config.unlisted == "absent"), config)


def validate_folder(root: str | Path, *, config: DataConfig | None = None) -> DataReport:
    """Everything found wrong in a raw data folder: files, records, pictures and leaks between its splits.

    Raises:
        DataError: there is nothing to look at.
    """
    config = config or DataConfig()
    data = read_folder(Path(root), unlisted_absent=config.unlisted == "absent")
    scanned, findings = _scan(data, config)
    counts = {f"images in {split}": len(images) for split, images in data.splits.items()}
    every = data.all_images()
    counts["boxes"] = sum(len(image.xywh) for _, image in every)
    counts["trigger labels"] = sum(len(image.present) + len(image.absent) for _, image in every)
    counts |= {f"boxes of {name}": number for name, number in _boxes_by_class(every, data.labels).items()}
    if not every and not any(finding.severity == "error" for finding in findings):
        findings = [*findings, Finding("error", str(root), "the data set is empty.", "List at least three images.")]
    elif every and not counts["boxes"] and not counts["trigger labels"]:
        remedy = "Add annotations, or triggers.jsonl."
        findings = [
            *findings,
            Finding("error", str(root), "no image has a box or a trigger: nothing to learn.", remedy),
        ]
    return DataReport(tuple(findings), counts)


def _boxes_by_class(images: list[tuple[str, RawImage]], labels: LabelSpace) -> dict[str, int]:
    counts = dict.fromkeys(labels.class_names, 0)
    for _, image in images:
        for label in image.labels if labels.class_names else ():
            counts[labels.class_names[label]] += 1
    return counts


def _scan(data: RawData, config: DataConfig) -> tuple[dict[str, list[Scanned]], list[Finding]]:
    """Look at every picture: the sound ones by split, and all findings of files, records and pictures."""
    scanned: dict[str, list[Scanned]] = {}
    findings = list(data.findings)
    for split, images in data.splits.items():
        results = scan(images, max_megapixels=config.max_megapixels, title=f"look at {split}")
        scanned[split] = [result for result in results if isinstance(result, Scanned)]
        findings += [result for result in results if isinstance(result, Finding)]
    return scanned, findings + list(exact_duplicates(scanned))


def _split(data: RawData, config: DataConfig) -> DataSet:
    refuse_errors(data.findings)
    if not data.all_images():
        raise DataError("the data set is empty: its files list no image; list at least three.")
    scanned, findings = _scan(data, config)
    refuse_errors(tuple(findings))
    missing = [split for split in ("validation", "test") if split not in scanned]
    pool = scanned["train"]
    groups = group_near_duplicates([image.look for image in pool], max_bits=config.near_duplicate_bits)
    hashes = [image.pixel_hash for image in pool]
    chosen = assign_splits(hashes, groups, missing=missing, config=config)
    by_split = {split: list(images) for split, images in scanned.items() if split != "train"}
    by_split |= {s: [i for i, c in zip(pool, chosen, strict=True) if c == s] for s in ("train", *missing)}
    return data_set({split: _view(split, by_split[split], data.labels).first(config.limit) for split in _SPLITS})


def _view(name: str, images: list[Scanned], labels: LabelSpace) -> Split:
    return Split(name, labels, [Record.of(image) for image in images], lambda i: read_bytes(images[i].raw.path))
