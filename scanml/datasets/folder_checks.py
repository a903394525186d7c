"""What is wrong with the files of a data folder, before a picture is opened."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from scanml.datasets.coco import CocoFile, RawImage
from scanml.structures.findings import Finding, Spot

SPLIT_FILES = {
    "train": ("train.json", "instances.json"),
    "validation": ("validation.json", "valid.json", "val.json"),
    "test": ("test.json",),
}
LINK_OUT = "link out of the data folder"
_COPY_IT = "Copy the file into the folder, or set data.follow_links=true if you trust who made the links."
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar")


def is_archive(path: Path) -> bool:
    """Whether a file is a packed folder, going by its name."""
    return path.name.lower().endswith(_ARCHIVES) and path.is_file()


def check_pictures_folder(images: Path) -> Iterator[Finding]:
    """There must be one."""
    if images.is_dir():
        return
    packed = next((path for path in sorted(images.parent.glob("*")) if is_archive(path)), None)
    found = f"the archive {packed.name}" if packed else "a file" if images.exists() else "nothing"
    remedy = f"Unpack {packed.name}." if packed else "Put them there."
    problem = f"expected the folder of the pictures, found {found}."
    yield Finding("error", str(images), problem, remedy, "no folder of pictures")


def check_unread_files(root: Path, found: Mapping[str, Path | None]) -> Iterator[Finding]:
    """Label files that are there and not read: another gives their split, or what they are about is not there."""
    kind, taxonomy = "label file that is not read", root / "taxonomy.json"
    for split, names in SPLIT_FILES.items():
        for path in [root / name for name in names]:
            if path.exists() and path != found[split]:
                problem, remedy = f"not read: {found[split]} gives the {split} split.", "Remove the one not meant."
                yield Finding("warning", str(path), problem, remedy, kind)
    if taxonomy.exists() and not (root / "triggers.jsonl").exists():
        problem, remedy = "not read: there is no triggers.jsonl beside it.", "Add the triggers, or remove it."
        yield Finding("warning", str(taxonomy), problem, remedy, kind)


def compare_categories(files: Mapping[str, CocoFile]) -> Iterator[Finding]:
    """All label files must give the same categories: else a label means one thing in training and another in a test."""
    maps = {file.path: {c["id"]: c["name"] for c in file.categories} for file in files.values()}
    first = next(iter(maps), None)
    for path, categories in maps.items():
        if first is None or categories == maps[first]:
            continue
        differing = sorted(categories.items() ^ maps[first].items())[:5]
        says = ", ".join(
            f"{i} {name!r} only in {(path if categories.get(i) == name else first).name}" for i, name in differing
        )
        problem = f"its categories differ from those of {first}: {says}."
        yield Finding("error", str(path), problem, "Give every split the same ids and names.", "categories that differ")


def check_links(images: Collection[RawImage], *, homes: tuple[Path, ...]) -> dict[str, Finding]:
    """By file name, the pictures that a link leads out of all `homes`: whoever made the data chose what is read."""
    found: dict[str, Finding] = {}
    roots = real_roots(homes)
    for image in images:
        if target := _leads_out(image.path, roots):
            problem = f"a link leads out of the data folder, to {target}."
            where = f"image {image.file_name!r} (id {image.image_id})"
            found[image.file_name] = Finding("error", where, problem, _COPY_IT, LINK_OUT)
    return found


def check_other_links(root: Path) -> Iterator[Finding]:
    """The same of all files that are no pictures of a data set."""
    names = [*(name for names in SPLIT_FILES.values() for name in names), "triggers.jsonl", "taxonomy.json"]
    markers = sorted((root / "markers").rglob("[!.]*"))
    roots = real_roots((root, root / "markers"))
    for path in [*(root / name for name in (*names, "lenses.json")), *markers]:
        if path.exists() and (target := _leads_out(path, roots)):
            yield Finding("error", str(path), f"a link leads out of the data folder, to {target}.", _COPY_IT, LINK_OUT)


def hide_outside(finding: Finding, roots: tuple[str, ...]) -> Finding:
    """The finding without pictures, if a link leads out of all `roots` to one of them: pages are shown to others."""
    target = next(filter(None, (_leads_out(spot.path, roots) for spot in finding.spots)), None)
    if target is None:
        return finding
    problem = f"{finding.problem} A link leads out of the data folder, to {target}; it is not shown."
    return replace(finding, spots=(), problem=problem)


def check_places(images: Collection[RawImage], folder: Path) -> dict[str, Finding]:
    """By file name, the pictures that are hidden or behind a linked folder: the data's fingerprint leaves them out."""
    is_link = functools.cache(os.path.islink)
    found: dict[str, Finding] = {}
    for image in images:
        parts = Path(image.file_name).parts
        behind = next((place for n in range(1, len(parts)) if is_link(place := folder.joinpath(*parts[:n]))), None)
        hidden = next((part for part in parts if part.startswith(".")), None)
        where = f"image {image.file_name!r} (id {image.image_id})"
        if hidden:
            problem, remedy = f"{hidden!r} is hidden: its changes are not noticed.", "Give it a name without the dot."
            found[image.file_name] = Finding("error", where, problem, remedy, "hidden picture")
        elif behind:
            problem = f"lies behind {behind}, a link to a folder: its changes are not noticed."
            remedy = "Copy the folder, link its pictures one by one, or link images/ as a whole."
            found[image.file_name] = Finding("error", where, problem, remedy, "picture behind a linked folder")
    return found


def real_roots(homes: tuple[Path, ...]) -> tuple[str, ...]:
    """With what the real path of a file in one of `homes` begins."""
    return tuple(os.path.realpath(home) + os.sep for home in homes)


def _leads_out(path: Path, roots: tuple[str, ...]) -> str | None:
    """Where a path really is, if that is below none of `roots`."""
    target = os.path.realpath(path)
    return None if target.startswith(roots) else target


def check_unlisted(images: Path, listed: Collection[str]) -> Iterator[Finding]:
    """Files below `images` that no label file names; hidden ones do not count."""
    known = {os.path.normpath(name) for name in listed}
    for place, folders, names in os.walk(images):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in [Path(place) / name for name in folders if (Path(place) / name).is_symlink()]:
            problem, remedy = "a link to a folder among the pictures; it is not looked into.", "Remove the link."
            yield Finding("warning", str(path), problem, remedy, "linked folder among the pictures")
        for path in [Path(place) / name for name in sorted(names) if not name.startswith(".")]:
            if os.path.relpath(path, images) in known:
                continue
            if is_archive(path):
                problem, remedy = "an archive among the pictures; it is not looked into.", "Unpack it, or move it away."
                yield Finding("warning", str(path), problem, remedy, "archive among the pictures", (Spot(path),))
            else:
                problem, remedy = "no label file lists it.", "List it, with its boxes or with none, or move it away."
                yield Finding("warning", str(path), problem, remedy, "file that no label file lists", (Spot(path),))
