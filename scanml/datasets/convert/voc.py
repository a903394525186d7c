"""A Pascal VOC folder: `JPEGImages/`, `Annotations/*.xml`, `ImageSets/Main/*.txt`.

`difficult` objects become COCO crowd regions. VOC counts a difficult object neither as found nor as missed, and what is
detected there neither as right nor as wrong; that is what COCO does in a crowd region. Classes are in alphabetical
order, which is that of VOC's own twenty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from scanml.datasets.convert.files import inside, is_picture, read_lines
from scanml.datasets.convert.labelled import LabelledFolder, LabelledImage, LabelledObject
from scanml.datasets.convert.voc_xml import Annotation, read_annotation
from scanml.datasets.json_file import unsafe_name
from scanml.errors import DataError

_LAYOUT = "a Pascal VOC folder, such as VOCdevkit/VOC2012, with Annotations/ and JPEGImages/"
_MAX_LIST_MEGABYTES = 64  # a million names
_FLAG = re.compile(r"\s+(-1|0|1)$")  # after the name, in lists of one class; names may hold spaces
_Name = tuple[str, str]  # where it is listed, and the name of a picture without its suffix


@dataclass(frozen=True)
class _Found:
    """What belongs to one name of a split."""

    label_file: Path
    picture: Path
    annotation: Annotation


def read_voc(root: Path) -> LabelledFolder:
    """Everything a VOC folder says; wrong lists, files and objects are its mistakes.

    Without `ImageSets/Main`, every annotation counts and the splits are left to be cut.

    Raises:
        DataError: a folder is missing, there is nothing to learn from, or test pictures only.
    """
    for name in ("Annotations", "JPEGImages"):
        if not (root / name).is_dir():
            raise DataError(f"{root}: expected {_LAYOUT}; there is no {name}/.")
    pictures, mistakes = _find_pictures(root)
    splits: dict[str, list[_Found]] = {}
    seen: dict[str, str] = {}
    for split, names in _read_sets(root).items():
        splits[split] = []
        for where, stem in tqdm(names, desc=f"read {split}", unit="file", disable=None):
            try:
                _refuse_second(seen, stem, where)
                found = _find(root, stem, pictures)
            except DataError as error:
                mistakes.append(str(error))
                continue
            splits[split].append(found)
            mistakes += found.annotation.mistakes
    class_names = sorted({o.name for images in splits.values() for image in images for o in image.annotation.objects})
    if not class_names and not mistakes:
        raise DataError(f"{root}: no annotation has an <object>: nothing to learn; label some pictures.")
    empty = next((split for split, images in splits.items() if not images), None)
    if empty and not mistakes:
        raise DataError(f"{root}: the list of the {empty} pictures is empty; fill or remove it.")
    label_of = {name: label for label, name in enumerate(class_names)}
    labelled = {split: tuple(_labelled(image, label_of) for image in images) for split, images in splits.items()}
    return LabelledFolder(tuple(class_names), labelled, tuple(mistakes))


def _find_pictures(root: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Pictures by their stem, and those that cannot be read."""
    pictures: dict[str, list[Path]] = {}
    mistakes: list[str] = []
    for path in sorted((root / "JPEGImages").iterdir()):
        try:
            if is_picture(path):
                inside(root, path)
                pictures.setdefault(path.stem, []).append(path)
        except DataError as error:
            mistakes.append(str(error))
    return pictures, mistakes


def _read_sets(root: Path) -> Mapping[str, Sequence[_Name]]:
    """The pictures that belong to each split. `trainval` is read where it is not divided into `train` and `val`."""
    folder = root / "ImageSets" / "Main"
    there = {name for name in ("train", "val", "trainval", "test") if (folder / f"{name}.txt").exists()}
    if not there:
        return {"instances": [(str(path), path.stem) for path in sorted((root / "Annotations").glob("*.xml"))]}
    if "train" in there:
        sources = {"train": "train", "validation": "val", "test": "test"}
    elif "trainval" in there:
        sources = {"train": "trainval", "test": "test"}
    else:
        raise DataError(f"{folder}: expected train.txt or trainval.txt, found {', '.join(sorted(there))}; add one.")
    return {split: list(_read_set(root, folder / f"{name}.txt")) for split, name in sources.items() if name in there}


def _read_set(root: Path, path: Path) -> Iterator[_Name]:
    for number, line in read_lines(root, path, max_megabytes=_MAX_LIST_MEGABYTES):
        yield f"{path}: line {number}", _FLAG.sub("", line)


def _refuse_second(seen: dict[str, str], stem: str, where: str) -> None:
    if problem := unsafe_name(stem):
        raise DataError(f"{where}: {problem}")
    if stem in seen:
        raise DataError(f"{where}: {stem!r} is listed already in {seen[stem]}; list every picture once.")
    seen[stem] = where


def _find(root: Path, stem: str, pictures: Mapping[str, Sequence[Path]]) -> _Found:
    path = root / "Annotations" / f"{stem}.xml"
    annotation = read_annotation(root, path)
    found = pictures.get(stem, ())
    if len(found) != 1:
        names = " and ".join(picture.name for picture in found) or "none"
        raise DataError(f"{path}: expected one picture {stem}.jpg or .png in JPEGImages/, found {names}; keep one.")
    return _Found(path, found[0], annotation)


def _labelled(found: _Found, label_of: Mapping[str, int]) -> LabelledImage:
    objects = tuple(LabelledObject(label_of[o.name], o.xywh, crowd=o.difficult) for o in found.annotation.objects)
    return LabelledImage(found.picture, found.picture.name, found.label_file, objects, found.annotation.size)
