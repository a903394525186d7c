"""scanml's raw data folder, written: pictures copied byte for byte, a COCO file for each split."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scanml.datasets.convert.files import refuse_mistakes
from scanml.datasets.convert.labelled import LabelledFolder, LabelledImage, LabelledObject
from scanml.datasets.headers import orientation, stored_size
from scanml.datasets.images import read_bytes
from scanml.datasets.json_file import unsafe_name
from scanml.errors import DataError

_Record = dict[str, Any]  # as it becomes JSON
_Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class Written:
    """How much `write_folder` wrote."""

    images: Mapping[str, int]  # by split
    objects: int
    classes: int


def write_folder(labelled: LabelledFolder, out: Path) -> Written:
    """Write `out`/images and one COCO file for each split; `out` must not exist.

    Category ids count from 1 in the order of the class names, image ids from 1 in the order of the file names.
    Pictures are copied, not linked: what happens to the originals later does not change data that was validated.

    Raises:
        DataError: all that is wrong with labels or pictures; `out` is then unfinished.
    """
    refuse_mistakes(labelled.mistakes)
    everything = [image for images in labelled.splits.values() for image in images]
    refuse_mistakes(list(_wrong_names(everything)))
    image_ids = {name: number for number, name in enumerate(sorted(image.file_name for image in everything), start=1)}
    categories = [{"id": number, "name": name} for number, name in enumerate(labelled.class_names, start=1)]
    mistakes: list[str] = []
    num_objects = 0
    (out / "images").mkdir(parents=True)
    for split, images in labelled.splits.items():
        records, objects, trouble = _copy_all(split, images, image_ids, out)
        mistakes += trouble
        annotations = [{"id": number} | record for number, record in enumerate(objects, start=num_objects + 1)]
        num_objects += len(annotations)
        values = {"images": records, "annotations": annotations, "categories": categories}
        (out / f"{split}.json").write_text(json.dumps(values, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    refuse_mistakes(mistakes)
    return Written({split: len(images) for split, images in labelled.splits.items()}, num_objects, len(categories))


def _copy_all(
    split: str, images: Sequence[LabelledImage], image_ids: Mapping[str, int], out: Path
) -> tuple[list[_Record], list[_Record], list[str]]:
    """COCO's images and annotations (without ids) of the pictures that could be copied; the others are mistakes."""
    records: list[_Record] = []
    objects: list[_Record] = []
    mistakes: list[str] = []
    ordered = sorted(images, key=lambda image: image_ids[image.file_name])
    for image in tqdm(ordered, desc=f"copy {split}", unit="image", disable=None):
        try:
            size = _copy(image, out / "images" / image.file_name)
        except DataError as error:
            mistakes.append(str(error))
            continue
        image_id = image_ids[image.file_name]
        records.append({"id": image_id, "file_name": image.file_name, "width": size[0], "height": size[1]})
        objects += [_annotation(found, image_id, (1, 1) if image.size else size) for found in image.objects]
    return records, objects, mistakes


def _wrong_names(images: Sequence[LabelledImage]) -> Iterator[str]:
    paths: dict[str, Path] = {}
    for image in images:
        if problem := unsafe_name(image.file_name):  # in COCO's file, though it may be fine on this disk
            yield f"{image.path}: {problem} Rename it."
        other = paths.setdefault(image.file_name, image.path)
        if other != image.path:
            yield f"{image.path}: would be images/{image.file_name}, as would {other}; rename one."


def _copy(image: LabelledImage, place: Path) -> _Size:
    """The size (width, height) to which the labels refer."""
    if not image.path.is_file():
        raise DataError(f"{image.path}: expected a picture, found something that is no file; remove it.")
    data = read_bytes(image.path)
    stored = stored_size(data, where=str(image.path))
    upright = stored[::-1] if orientation(data) >= 5 else stored  # EXIF orientations 5…8 swap the sides
    if image.size not in (None, stored, upright):
        said, real = (f"{width}×{height}" for width, height in (image.size, upright))
        raise DataError(f"{image.label_file}: says {said}, the picture {image.path} is {real}; mend one.")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return image.size or upright


def _annotation(labelled: LabelledObject, image_id: int, scale: _Size) -> _Record:
    x, y, width, height = (value * scale[axis % 2] for axis, value in enumerate(labelled.xywh))
    points = [value * scale[axis % 2] for axis, value in enumerate(labelled.polygon)]
    record: _Record = {
        "image_id": image_id,
        "category_id": labelled.label + 1,
        "bbox": [x, y, width, height],
        "area": _polygon_area(points) if points else width * height,
        "iscrowd": int(labelled.crowd),
    }
    return record | ({"segmentation": [points]} if points else {})


def _polygon_area(points: Sequence[float]) -> float:
    """The shoelace formula (Gauss), of x1, y1, x2, y2, …"""
    xs, ys = points[0::2], points[1::2]
    ends = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in ends)) / 2
