"""The raw data folder: pictures and the files that label them, read into one value with all that is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from scanml.datasets.coco import CocoFile, RawImage, raw_images, read_coco
from scanml.datasets.folder_checks import (
    SPLIT_FILES,
    check_links,
    check_other_links,
    check_pictures_folder,
    check_places,
    check_unlisted,
    check_unread_files,
    compare_categories,
    hide_outside,
    is_archive,
    real_roots,
)
from scanml.datasets.label_checks import suspect_format
from scanml.datasets.taxonomy import propagate, read_taxonomy
from scanml.datasets.triggers import TriggerLabels, attach, check_names, read_triggers
from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.findings import DataReport, Finding, bounded

LAYOUT = "a folder with images/ and instances.json (or train.json, validation.json, test.json), or with triggers.jsonl"
_UNREADABLE = "label file that cannot be read"


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


def read_folder(root: Path, *, unlisted_absent: bool = False, follow_links: bool = False) -> RawData:
    """Read the label files of a data folder; no picture is opened.

    Files that cannot be parsed and records that are wrong become findings; such records are left out, and so are
    pictures whose changes no fingerprint shows and, unless `follow_links`, all that links lead out of `root` to.

    Raises:
        DataError: there is no folder, or nothing in it that labels pictures.
    """
    found = _find_label_files(root)
    label_files = {split: path for split, path in found.items() if path is not None}
    images = root / "images"
    outside = [] if follow_links else list(check_other_links(root))
    closed = {Path(finding.where) for finding in outside}
    coco_files, findings = _read_all({s: path for s, path in label_files.items() if path not in closed}, images)
    findings += [*check_pictures_folder(images), *check_unread_files(root, found), *compare_categories(coco_files)]
    triggers = _read_triggers(root / "triggers.jsonl", closed)
    findings += [*triggers.findings, *outside]
    of_pictures: list[Iterable[Finding]] = []
    splits: dict[str, list[RawImage]] = {}
    if images.is_dir():
        splits = {split: raw_images(coco, images) for split, coco in coco_files.items()}
        findings += [f for split, coco in coco_files.items() for f in suspect_format(coco.path, splits[split])]
        splits = splits if label_files else {"train": _listed_in(triggers, images)}
    if images.is_dir() and all(f.kind != _UNREADABLE and f not in outside for f in findings):  # may list any name
        known = {image.file_name for pictures in splits.values() for image in pictures}
        listed = triggers.listed.union(*(coco.listed for coco in coco_files.values()))
        of_pictures += [check_names(triggers, known), check_unlisted(images, listed)]
    homes = (root, images)  # images/ itself may be a link: pictures are often kept apart
    if not follow_links:
        splits, linked = _without(splits, lambda pictures: check_links(pictures, homes=homes))
        of_pictures.append(linked)
    splits, misplaced = _without(splits, lambda pictures: check_places(pictures, images))
    attached = {
        split: tuple(attach(pictures, triggers, unlisted_absent=unlisted_absent)) for split, pictures in splits.items()
    }
    shown = bounded(chain(findings, *of_pictures, misplaced))
    roots = real_roots(homes)
    space = _label_space(coco_files, triggers)
    return RawData(attached, space, tuple(f if follow_links else hide_outside(f, roots) for f in shown))


def read_instances(images: Path, instances: Path, *, follow_links: bool = False) -> RawData:
    """Read one COCO file and its picture folder, outside the folder layout."""
    coco = read_coco(instances, images=images)
    splits = {"train": raw_images(coco, images) if images.is_dir() else []}
    findings = [*coco.findings, *check_pictures_folder(images), *suspect_format(instances, splits["train"])]
    if not follow_links:
        splits, outside = _without(splits, lambda pictures: check_links(pictures, homes=(images,)))
        findings = [hide_outside(finding, real_roots((images,))) for finding in bounded([*findings, *outside])]
    return RawData({"train": tuple(splits["train"])}, coco.label_space, tuple(bounded(findings)))


def refuse_errors(findings: tuple[Finding, ...]) -> None:
    """Raise a `DataError` with the errors by kind, if there are any."""
    groups = [group for group in DataReport(findings).groups if group.severity == "error"]
    if groups:
        lines = "\n".join(f"  {str(group).removeprefix('error: ')}" for group in groups)
        number = sum(group.count for group in groups)
        raise DataError(f"the data has {number:,} error{'s' * (number > 1)}:\n{lines}")


def _find_label_files(root: Path) -> dict[str, Path | None]:
    if is_archive(root):
        raise DataError(f"{root}: expected {LAYOUT}, received an archive; unpack it and give the folder.")
    if not root.is_dir():
        raise DataError(f"{root}: expected {LAYOUT}; there is no such folder.")
    found = {split: _first(root, names) for split, names in SPLIT_FILES.items()}
    has_labels = any(found.values())
    if found["train"] is None and (has_labels or not (root / "triggers.jsonl").exists()):
        packed = next((path.name for path in sorted(root.iterdir()) if is_archive(path)), None)
        hint = f"; there is the archive {packed}: unpack it" if packed else ""
        raise DataError(f"{root}: expected {LAYOUT}; found neither train.json nor instances.json{hint}.")
    return found


def _first(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).exists()), None)


def _read_all(label_files: Mapping[str, Path], images: Path) -> tuple[dict[str, CocoFile], list[Finding]]:
    coco_files: dict[str, CocoFile] = {}
    findings: list[Finding] = []
    for split, path in label_files.items():
        try:
            coco_files[split] = read_coco(path, images=images)
        except DataError as error:
            findings.append(_unreadable(path, error))
        else:
            findings += coco_files[split].findings
    return coco_files, findings


def _label_space(coco_files: Mapping[str, CocoFile], triggers: TriggerLabels) -> LabelSpace:
    """The triggers, and the classes where all files agree about them."""
    spaces = {coco.label_space for coco in coco_files.values()}
    space = spaces.pop() if len(spaces) == 1 else LabelSpace()
    return replace(space, trigger_names=triggers.names, trigger_parents=triggers.parents)


def _without(
    splits: Mapping[str, list[RawImage]], check: Callable[[list[RawImage]], dict[str, Finding]]
) -> tuple[dict[str, list[RawImage]], list[Finding]]:
    """The pictures that lie where they should, and findings for the others."""
    outside = {split: check(pictures) for split, pictures in splits.items()}
    kept = {s: [image for image in pictures if image.file_name not in outside[s]] for s, pictures in splits.items()}
    return kept, [finding for found in outside.values() for finding in found.values()]


def _read_triggers(path: Path, closed: Collection[Path]) -> TriggerLabels:
    """The triggers with their taxonomy; files in `closed` are left alone."""
    if path in closed or not path.exists():
        return TriggerLabels(path)
    try:
        triggers = read_triggers(path)
    except DataError as error:
        return TriggerLabels(path, findings=(_unreadable(path, error),))
    taxonomy = path.with_name("taxonomy.json")
    if taxonomy in closed or not taxonomy.exists():
        return triggers
    return propagate(triggers, read_taxonomy(taxonomy, triggers.names))


def _unreadable(path: Path, error: DataError) -> Finding:
    return Finding("error", str(path), str(error).removeprefix(f"{path}: "), "", _UNREADABLE)


def _listed_in(triggers: TriggerLabels, folder: Path) -> list[RawImage]:
    return [RawImage(folder / name, name, index, 0, 0) for index, name in enumerate(triggers.by_image, start=1)]
