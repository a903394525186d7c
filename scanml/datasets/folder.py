"""The raw data folder: pictures and the files that label them, read into one value with all that is wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

    def first(self, count: int) -> RawData:
        """Only the first `count` pictures of every split; all if `count` is 0."""
        return replace(self, splits={s: images[: count or None] for s, images in self.splits.items()})


def read_folder(root: Path, *, unlisted_absent: bool = False) -> RawData:
    """Read the label files of a data folder; no picture is opened.

    Files that cannot be parsed and records that are wrong become findings; such records are left out.

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
    images = root / "images"
    coco_files, findings = _read_all(label_files)
    findings += [*_check_folder(images), *_overlooked(root, found), *_compare_categories(coco_files)]
    triggers, trouble = _read_triggers(trigger_path) if trigger_path.exists() else (TriggerLabels(trigger_path), ())
    findings += trouble
    splits: dict[str, list[RawImage]] = {}
    if images.is_dir():
        splits = {split: raw_images(coco, images) for split, coco in coco_files.items()}
        splits = splits if label_files else {"train": _listed_in(triggers, images)}
    if len(splits) == max(len(label_files), 1):  # a file that cannot be read may list any name
        findings += check_names(triggers, {image.file_name for pictures in splits.values() for image in pictures})
    attached = {
        split: tuple(attach(pictures, triggers, unlisted_absent=unlisted_absent)) for split, pictures in splits.items()
    }
    spaces = {coco.label_space for coco in coco_files.values()}
    space = spaces.pop() if len(spaces) == 1 else LabelSpace()
    return RawData(attached, replace(space, trigger_names=triggers.names), tuple(findings))


def read_instances(images: Path, instances: Path) -> RawData:
    """Read one COCO file and its picture folder, outside the folder layout."""
    coco = read_coco(instances)
    findings = (*coco.findings, *_check_folder(images))
    pictures = tuple(raw_images(coco, images)) if images.is_dir() else ()
    return RawData({"train": pictures}, coco.label_space, findings)


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
            findings.append(_unreadable(path, error))
        else:
            findings += coco_files[split].findings
    return coco_files, findings


def _read_triggers(path: Path) -> tuple[TriggerLabels, Sequence[Finding]]:
    try:
        triggers = read_triggers(path)
    except DataError as error:
        return TriggerLabels(path), [_unreadable(path, error)]
    return triggers, triggers.findings


def _unreadable(path: Path, error: DataError) -> Finding:
    return Finding("error", str(path), str(error).removeprefix(f"{path}: "), "")


def _check_folder(images: Path) -> Iterator[Finding]:
    if not images.is_dir():
        found = "a file" if images.exists() else "nothing"
        yield Finding("error", str(images), f"expected the folder of the pictures, found {found}.", "Put them there.")


def _overlooked(root: Path, found: Mapping[str, Path | None]) -> Iterator[Finding]:
    for split, names in SPLIT_FILES.items():
        for path in [root / name for name in names]:
            if path.exists() and path != found[split]:
                remedy = "Remove the one that is not meant."
                yield Finding("warning", str(path), f"not read: {found[split]} gives the {split} split.", remedy)


def _listed_in(triggers: TriggerLabels, folder: Path) -> list[RawImage]:
    return [RawImage(folder / name, name, index, 0, 0) for index, name in enumerate(triggers.by_image, start=1)]


def _compare_categories(files: Mapping[str, CocoFile]) -> Iterator[Finding]:
    spaces = {file.path: file.label_space for file in files.values()}
    first = next(iter(spaces.items()), None)
    for path, space in spaces.items():
        if first and space != first[1]:
            problem = f"its categories differ from those of {first[0]}."
            yield Finding("error", str(path), problem, "Give every split the same ids and names.")
