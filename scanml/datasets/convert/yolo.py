"""A YOLO folder: `data.yaml`, pictures in folders or lists, and a text file of labels for every picture.

The labels of `…/images/…/a.jpg` are in `…/labels/…/a.txt` (so both usual layouts, `images/train` and `train/images`,
are read); a picture without a label file shows nothing of interest. Coordinates refer to the upright picture, as
YOLO's own loaders read it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scanml.datasets.convert.files import inside, is_picture, read_lines
from scanml.datasets.convert.labelled import LabelledFolder, LabelledImage, LabelledObject
from scanml.datasets.convert.yolo_text import read_labels
from scanml.datasets.convert.yolo_yaml import YoloDescription, read_description
from scanml.errors import DataError

_MAX_LIST_MEGABYTES = 64  # a million paths


def read_yolo(root: Path) -> LabelledFolder:
    """Everything a YOLO folder says; wrong lines, lists and pictures are its mistakes.

    Raises:
        DataError: `data.yaml` is missing or wrong, or there are no pictures or no labels.
    """
    description = read_description(root)
    mistakes: list[str] = []
    splits: dict[str, tuple[LabelledImage, ...]] = {}
    owner: dict[Path, str] = {}  # of each label file
    for split, entries in description.splits.items():
        images: list[LabelledImage] = []
        for picture in _list_pictures(root, description, entries, mistakes):
            image, trouble = _read_image(root, picture, description.class_names)
            mistakes += [*trouble, *_claim(owner, image, split)]
            images.append(image)
        splits[split] = tuple(images)
    if not mistakes:
        _refuse_unlabelled(description, splits)
    return LabelledFolder(description.class_names, splits, tuple(mistakes))


def _list_pictures(
    root: Path, description: YoloDescription, entries: tuple[str, ...], mistakes: list[str]
) -> Iterator[Path]:
    """Paths relative to `root`, sorted within each entry; what is no such path is added to `mistakes`."""
    for entry in entries:
        try:
            place = _resolve(root, description.base, entry)
            if (root / place).is_dir():
                yield from _in_folder(root, place, mistakes)
            else:
                yield from _in_list(root, description.base, root / place, mistakes)
        except DataError as error:
            mistakes.append(f"{description.path}: {entry!r}: {error}")


def _in_folder(root: Path, place: Path, mistakes: list[str]) -> Iterator[Path]:
    for path in sorted((root / place).rglob("*")):
        try:
            if is_picture(path):
                yield inside(root, path)
        except DataError as error:
            mistakes.append(str(error))


def _in_list(root: Path, base: Path, path: Path, mistakes: list[str]) -> Iterator[Path]:
    if path.suffix != ".txt":
        raise DataError("expected a folder of pictures or a .txt file that lists them.")
    for number, line in read_lines(root, path, max_megabytes=_MAX_LIST_MEGABYTES):
        try:
            picture = _resolve(root, path.parent if line.startswith("./") else base, line)
            if not is_picture(picture):
                raise DataError(f"{line}: expected a JPEG or PNG picture.")
            yield picture
        except DataError as error:
            mistakes.append(f"{path}: line {number}: {error}")


def _resolve(root: Path, base: Path, words: str) -> Path:
    """Where `words` lead, relative to `root`."""
    try:
        return inside(root, base / words)
    except DataError:
        # Roboflow writes ../train/images for what lies in train/images; YOLO's loaders look there as well.
        if not words.startswith("../"):
            raise
        return inside(root, base / words.removeprefix("../"))


def _read_image(root: Path, picture: Path, class_names: tuple[str, ...]) -> tuple[LabelledImage, list[str]]:
    parts, label_parts = list(picture.parts), list(picture.parts)
    folders = [index for index, part in enumerate(parts[:-1]) if part == "images"]
    if folders:
        label_parts[folders[-1]] = "labels"
        del parts[folders[-1]]  # it is written below images/ again
    label_file = root.joinpath(*label_parts).with_suffix(".txt")
    objects: list[LabelledObject] = []
    mistakes: list[str] = []
    if os.path.lexists(label_file):  # a link to nowhere is a mistake, not a picture without objects
        try:
            objects, mistakes = read_labels(root, label_file, class_names)
        except DataError as error:
            mistakes.append(str(error))
    return LabelledImage(root / picture, "/".join(parts), label_file, tuple(objects)), mistakes


def _claim(owner: dict[Path, str], image: LabelledImage, split: str) -> Iterator[str]:
    """One picture for every label file: the second one is a mistake."""
    place = f"{image.path} in {split}"
    if image.label_file in owner:
        yield (
            f"{place}: has the label file of {owner[image.label_file]}, {image.label_file}; keep one of them "
            "(splits that are not given are cut from train)."
        )
    owner.setdefault(image.label_file, place)


def _refuse_unlabelled(description: YoloDescription, splits: dict[str, tuple[LabelledImage, ...]]) -> None:
    for split, images in splits.items():
        if not images:
            place = ", ".join(description.splits[split])
            raise DataError(f"{description.path}: {split} ({place}) has no picture; add some, or remove the line.")
    everything = [image for images in splits.values() for image in images]
    if not any(image.objects for image in everything):
        example = everything[0].label_file
        raise DataError(f"{description.path}: {len(everything)} pictures, no label; expected some, such as {example}.")
