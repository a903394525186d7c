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
    config = config or DataConfig()
    return _split(read_instances(Path(images), Path(instances)).first(config.limit), config)


def load_folder(root: str | Path, *, config: DataConfig | None = None) -> DataSet:
    """A data set from a raw data folder (see `datasets.folder`); splits that have their own file are kept."""
    config = config or DataConfig()
    return _split(_read(Path(root), config), config)


def validate_folder(root: str | Path, *, config: DataConfig | None = None) -> DataReport:
    """Everything found wrong in a raw data folder: files, records, pictures and leaks between its splits.

    Raises:
        DataError: there is nothing to look at.
    """
    return inspect_folder(root, config=config)[0]


def inspect_folder(root: str | Path, *, config: DataConfig | None = None) -> tuple[DataReport, DataSet | None]:
    """What `validate_folder` says and, where that is yes, what `load_folder` gives: from one look at the pictures."""
    config = config or DataConfig()
    data = _read(Path(root), config)
    scanned, findings = _scan(data, config)
    counts = _counts(data)
    if data.all_images() and not counts["boxes"] and not counts["trigger labels"]:
        problem = "no image has a box or a trigger: nothing to learn."
        findings.append(Finding("error", str(root), problem, "Add annotations, or triggers.jsonl."))
    report = DataReport(tuple(findings), counts)
    if not report.passed:
        return report, None
    try:
        return report, _cut(scanned, data.labels, config)
    except DataError as error:
        return DataReport((*findings, Finding("error", str(root), str(error), "")), counts), None


def _counts(data: RawData) -> dict[str, int]:
    images = data.all_images()
    counts = {f"images in {split}": len(pictures) for split, pictures in data.splits.items()}
    counts["boxes"] = sum(len(image.xywh) for _, image in images)
    counts["trigger labels"] = sum(len(image.present) + len(image.absent) for _, image in images)
    return counts | {f"boxes of {name}": number for name, number in _boxes_by_class(images, data.labels).items()}


def _read(root: Path, config: DataConfig) -> RawData:
    return read_folder(root, unlisted_absent=config.unlisted == "absent").first(config.limit)


def _boxes_by_class(images: list[tuple[str, RawImage]], labels: LabelSpace) -> dict[str, int]:
    counts = dict.fromkeys(labels.class_names, 0)
    for _, image in images:
        for label in image.labels if labels.class_names else ():  # none where files disagree about them
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
    scanned, findings = _scan(data, config)
    refuse_errors(tuple(findings))
    return _cut(scanned, data.labels, config)


def _cut(scanned: dict[str, list[Scanned]], labels: LabelSpace, config: DataConfig) -> DataSet:
    """The three splits; those that are missing are cut from train."""
    if not any(scanned.values()):
        raise DataError("the data set is empty: its files list no image; list at least three.")
    missing = [split for split in ("validation", "test") if split not in scanned]
    pool = scanned["train"]
    groups = group_near_duplicates([image.look for image in pool], max_bits=config.near_duplicate_bits)
    chosen = assign_splits([image.pixel_hash for image in pool], groups, missing=missing, config=config)
    by_split = {split: images for split, images in scanned.items() if split != "train"}
    by_split |= {s: [i for i, c in zip(pool, chosen, strict=True) if c == s] for s in ("train", *missing)}
    return data_set({split: _view(split, by_split[split], labels) for split in _SPLITS})


def _view(name: str, images: list[Scanned], labels: LabelSpace) -> Split:
    return Split(name, labels, [Record.of(image) for image in images], lambda i: read_bytes(images[i].raw.path))
