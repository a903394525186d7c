"""Everything that can be found wrong in a raw data folder, from one look at its labels and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from scanml.datasets.balance import Labelled, check_balance, count_classes, count_triggers
from scanml.datasets.coco_records import spot
from scanml.datasets.config import DataConfig
from scanml.datasets.folder import RawData
from scanml.datasets.label_checks import OTHER_FORMAT, doubled_boxes, tiny_boxes
from scanml.datasets.load import cut, look_at, read_raw, view
from scanml.datasets.records import Split
from scanml.datasets.scan import Scanned, odd_pictures
from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.findings import DataReport, Finding, Spot, bounded


def validate_folder(root: str | Path, *, config: DataConfig | None = None) -> DataReport:
    """Everything found wrong in a raw data folder: files, records, pictures, and leaks between its splits.

    An error is what would make training or its numbers wrong; a warning is what somebody should look at.

    Raises:
        DataError: there is nothing to look at.
    """
    return inspect_folder(root, config=config)[0]


def inspect_folder(root: str | Path, *, config: DataConfig | None = None) -> tuple[DataReport, tuple[Split, ...]]:
    """What `validate_folder` says and, from the same look, what `load_folder` gives where that is yes.

    Where it is no, the splits hold what is sound of those that have files, for showing it.
    """
    config = config or DataConfig()
    data = read_raw(Path(root), config)
    scanned, findings = look_at(data, config)
    pictures = [image for _, image in data.all_images()]
    if pictures and not any(image.xywh or image.present or image.absent for image in pictures):
        problem, remedy = "no image has a box or a trigger: nothing to learn.", "Add annotations, or triggers.jsonl."
        findings.append(Finding("error", str(root), problem, remedy, "nothing to learn"))
    loaded = _sound(scanned, data.labels)
    if DataReport(tuple(findings)).passed:
        try:
            loaded = tuple(cut(scanned, data.labels, config))
        except DataError as error:
            findings.append(Finding("error", str(root), str(error), "", "too few pictures"))
    labelled = {split.name: split.records for split in loaded}
    findings = bounded(chain(findings, _warnings(data, scanned, labelled)))
    return DataReport(tuple(findings), _count(data), count_classes(labelled, data.labels)), loaded


def _sound(scanned: Mapping[str, Sequence[Scanned]], labels: LabelSpace) -> tuple[Split, ...]:
    """The splits that have files; none where these disagree about what labels mean."""
    has_meaning = labels.class_names or not any(len(i.raw.labels) for images in scanned.values() for i in images)
    return tuple(view(split, images, labels) for split, images in scanned.items() if has_meaning)


def _warnings(
    data: RawData, scanned: Mapping[str, Sequence[Scanned]], splits: Mapping[str, Sequence[Labelled]]
) -> Iterator[Finding]:
    pictures = [image for _, image in data.all_images()]
    yield from odd_pictures([image for images in scanned.values() for image in images])
    if all(finding.kind != OTHER_FORMAT for finding in data.findings):  # fractions of an image are all tiny
        yield from tiny_boxes(pictures)
    yield from doubled_boxes(pictures)
    classes, triggers = _examples(data)
    yield from check_balance(count_classes(splits, data.labels), what="class", spots=classes)
    yield from check_balance(count_triggers(splits, data.labels), what="trigger", spots=triggers)


def _examples(data: RawData) -> tuple[dict[str, Spot], dict[str, Spot]]:
    """The first box of every class and the first picture of every trigger."""
    names, classes, triggers = data.labels.class_names, dict[str, Spot](), dict[str, Spot]()
    for _, image in data.all_images():
        for label, box in zip(image.labels, image.xywh, strict=True):
            if names and names[label] not in classes:  # none where label files disagree about them
                (classes[names[label]],) = spot(image.path, (image.width, image.height), box)
        triggers |= {name: Spot(image.path) for name in image.present if name not in triggers}
    return classes, triggers


def _count(data: RawData) -> dict[str, int]:
    pictures = [image for _, image in data.all_images()]
    counts = {f"images in {split}": len(images) for split, images in data.splits.items()}
    counts["boxes"] = sum(len(image.xywh) for image in pictures)
    counts["trigger labels"] = sum(len(image.present) + len(image.absent) for image in pictures)
    return counts
