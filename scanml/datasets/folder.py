"""The raw data folder: pictures and the files that label them, read into one value with everything found wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scanml.datasets.coco import CocoFile, RawImage, raw_images, read_coco
from scanml.datasets.triggers import TriggerLabels, attach, check_names, read_triggers
from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.reports import Finding

SPLIT_FILES = {
    "train": ("train.json", "instances.json"),
    "validation": ("validation.json", "valid.json", "val.json"),
    "test": ("test.json",),
}
LAYOUT = "a folder with images/ and instances.json (or train.json, validation.json, test.json), or with triggers.jsonl"


@dataclass(frozen=True)
class RawData:
    """Pictures by split as the files give them; splits that are missing are cut from `train` later."""

    splits: Mapping[str, tuple[RawImage, ...]]
    labels: LabelSpace
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    def all_images(self) -> list[tuple[str, RawImage]]:
        """(split, picture) of all splits."""
        return [(split, image) for split, images in self.splits.items() for image in images]


def read_folder(root: Path, *, unlisted_absent: bool = False) -> RawData:
    """Read the label files of a data folder; no picture is opened.

    Files that cannot be parsed and records that are wrong become findings; pictures of such files are left out.

    Raises:
        DataError: there is no folder, or nothing in it that labels pictures.
    """
    if not root.is_dir():
        raise DataError(f"{root}: expected {LAYOUT}; there is no such folder.")
    found = {split: _first(root, names) for split, names in SPLIT_FILES.items()}
    label_files = {split: path for split, path in found.items() if path is not None}
    trigger_path = root / "triggers.jsonl"
    if "train" not in label_files and (label_files or not trigger_path.exists()):
        raise DataError(f"{root}: expected {LAYOUT}; found neither train.json nor instances.json.")
    coco_files, findings = _read_all(label_files)
    splits: dict[str, list[RawImage]] = {
        split: raw_images(coco, root / "images") for split, coco in coco_files.items() if not _has_errors(coco.findings)
    }
    triggers = None
    if trigger_path.exists():
        triggers = read_triggers(trigger_path)
        if not label_files:
            splits = {"train": _listed_in(triggers, root / "images")}
        known = {image.file_name for images in splits.values() for image in images}
        findings += [*triggers.findings, *(check_names(triggers, known) if splits else ())]
        splits = {s: attach(images, triggers, unlisted_absent=unlisted_absent) for s, images in splits.items()}
    findings += _compare_categories(coco_files)
    first = next(iter(coco_files.values()), None)
    space = first.label_space if first and not _has_errors(findings) else LabelSpace()
    labels = LabelSpace(space.class_names, space.category_ids, triggers.names if triggers else ())
    return RawData({split: tuple(images) for split, images in splits.items()}, labels, tuple(findings))


def read_instances(images: Path, instances: Path) -> RawData:
    """Read one COCO file and its picture folder, outside the folder layout."""
    coco = read_coco(instances)
    if _has_errors(coco.findings):
        return RawData({}, LabelSpace(), coco.findings)
    return RawData({"train": tuple(raw_images(coco, images))}, coco.label_space, coco.findings)


def refuse_errors(findings: tuple[Finding, ...]) -> None:
    """Raise a `DataError` with the first errors, if there are any."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        lines = "\n".join(f"  {e.where}: {e.problem} {e.remedy}" for e in errors[:10])
        more = f"\n  … and {len(errors) - 10} more" if len(errors) > 10 else ""
        raise DataError(f"the data has {len(errors)} error{'s' * (len(errors) > 1)}:\n{lines}{more}")


def _first(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).exists()), None)


def _read_all(label_files: Mapping[str, Path]) -> tuple[dict[str, CocoFile], list[Finding]]:
    coco_files: dict[str, CocoFile] = {}
    findings: list[Finding] = []
    for split, path in label_files.items():
        try:
            coco_files[split] = read_coco(path)
        except DataError as error:
            findings.append(Finding("error", str(path), str(error), ""))
        else:
            findings += coco_files[split].findings
    return coco_files, findings


def _has_errors(findings: tuple[Finding, ...] | list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _listed_in(triggers: TriggerLabels, folder: Path) -> list[RawImage]:
    return [RawImage(folder / name, name, index, 0, 0) for index, name in enumerate(triggers.by_image, start=1)]


def _compare_categories(files: Mapping[str, CocoFile]) -> Iterator[Finding]:
    spaces = {f.path: f.label_space for f in files.values() if not _has_errors(f.findings)}
    first = next(iter(spaces.items()), None)
    for path, space in spaces.items():
        if first and space != first[1]:
            problem = f"its categories differ from those of {first[0]}."
            yield Finding("error", str(path), problem, "Give every split the same ids and names.")
