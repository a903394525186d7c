"""The records of a COCO file, one by one: which are sound, and what is wrong with the others."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr  # wrong values may be long
from typing import Any, NamedTuple, TypeGuard

from scanml.datasets.json_file import is_text, unsafe_name
from scanml.structures.findings import Finding, Severity, Spot, bounded

Record = Mapping[str, Any]  # as it came from JSON
Box = tuple[float, float, float, float]


class Problem(NamedTuple):
    """What is wrong with a record; `box` is x, y, width, height where a picture can show it."""

    kind: str
    text: str
    remedy: str
    severity: Severity = "error"
    box: Box | None = None


@dataclass(frozen=True)
class ListedImage:
    """What annotations need to know of their image; an unbelievable side is infinite, so nothing lies outside of it."""

    path: Path | None  # None: its name must not be followed
    size: tuple[float, float]  # width, height


def list_images(records: Sequence[Record], folder: Path) -> dict[int, ListedImage]:
    """The image records by id, whatever else is wrong with them."""
    return {record["id"]: _listed(record, folder) for record in records if is_int(record.get("id"))}


def examine(
    where: str,
    records: Sequence[Record],
    check: Callable[[Record], Iterator[Problem]],
    *,
    image_of: Callable[[Record], ListedImage | None],
) -> tuple[tuple[Record, ...], list[Finding]]:
    """The records in which `check` sees no error, and what it sees in the others."""
    sound: list[Record] = []

    def find() -> Iterator[Finding]:
        for index, record in enumerate(records):
            problems = list(check(record))
            if all(problem.severity != "error" for problem in problems):
                sound.append(record)
            if problems:
                of_image = f", image {repr(record['image_id'])}" if "image_id" in record else ""
                place = f"{where}[{index}] (id {repr(record.get('id'))}{of_image})"
                yield from (_finding(place, problem, image_of(record)) for problem in problems)

    findings = bounded(find())
    return tuple(sound), findings


def check_category(category: Record, ids: set[int], names: set[str]) -> Iterator[Problem]:
    """An id and a name, both unique; `ids` and `names` are those met so far."""
    identity, name = category.get("id"), category.get("name")
    if not is_int(identity) or not is_text(name):
        text = f"expected an integer id and a name, received {repr(identity)} and {repr(name)}."
        yield Problem("wrong category record", text, "Mend it.")
        return
    if identity in ids or name in names:
        text = f"category id {identity} or name {name!r} occurs twice."
        yield Problem("wrong category record", text, "Make both unique.")
    ids.add(identity)
    names.add(name)


def check_image(image: Record, ids: set[int], names: set[str]) -> Iterator[Problem]:
    """A safe file name, a size and an id; `ids` and `names` are those met so far."""
    identity, name, kind = image.get("id"), image.get("file_name"), "wrong image record"
    sides = [image.get("width"), image.get("height")]
    if problem := unsafe_name(name):
        yield Problem(kind, problem, "Give a path inside the image folder.")
    elif name in names:
        yield Problem("image listed twice", f"{name!r} is listed twice.", "List every image once.")
    if not all(_is_side(side) for side in sides):
        yield Problem(kind, f"expected positive width and height, received {repr(sides)}.", "Write the image's size.")
    if not is_int(identity):
        yield Problem(kind, f"expected an integer id, received {repr(identity)}.", "Number the images.")
    elif identity in ids:
        yield Problem(kind, f"image id {identity} occurs twice.", "Give every image an id of its own.")
    ids.update({identity} if is_int(identity) else ())
    names.add(str(name))


def check_annotation(
    annotation: Record, ids: set[int], images: Mapping[int, ListedImage], categories: Container[int]
) -> Iterator[Problem]:
    """An id, a known image, a known category, and a box on that image; `ids` are those met so far."""
    identity, image_id, category = (annotation.get(key) for key in ("id", "image_id", "category_id"))
    crowd, area, kind = annotation.get("iscrowd", 0), annotation.get("area", 0), "wrong annotation record"
    if not is_int(identity):
        yield Problem(kind, f"expected an integer id, received {repr(identity)}.", "Number the annotations.")
    elif identity in ids:
        yield Problem(kind, f"annotation id {identity} occurs twice.", "Give every annotation an id of its own.")
    ids.update({identity} if is_int(identity) else ())
    if crowd not in (0, 1):
        yield Problem(kind, f"expected iscrowd 0 or 1, received {repr(crowd)}.", "Mend the record.")
    if type(area) not in (int, float) or not 0 <= area <= sys.float_info.max:
        text = f"expected an area in square pixels, received {repr(area)}."
        yield Problem(kind, text, "Mend it, or leave it out.")
    if not is_int(category) or category not in categories:
        text = f"unknown category id {repr(category)}."
        yield Problem("unknown category", text, "List it under 'categories', or mend it.", box=_box(annotation))
    if not is_int(image_id) or image_id not in images:
        text = f"unknown image id {repr(image_id)}."
        yield Problem("unknown image", text, "List the image under 'images', or mend it.")
    elif (box := _box(annotation)) is None:
        text = f"expected bbox [x, y, width, height], all finite numbers, received {repr(annotation.get('bbox'))}."
        yield Problem("box that is no box", text, "Mend or remove the annotation.")
    else:
        yield from _check_box(box, images[image_id].size)


def is_int(value: object) -> TypeGuard[int]:
    """True for an integer that an array can hold; JSON's true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def spot(path: Path | None, size: tuple[float, float], box: Box | None = None) -> tuple[Spot, ...]:
    """The picture at `path` and a box x, y, width, height on it as evidence; none where there is no path."""
    if path is None:
        return ()
    return (Spot(path, (box[0], box[1], box[0] + box[2], box[1] + box[3]) if box else None, size),)


def _check_box(box: Box, size: tuple[float, float]) -> Iterator[Problem]:
    (x, y, width, height), (image_width, image_height) = box, size
    image = f"the image of {image_width}×{image_height}"
    if width <= 0 or height <= 0:
        remedy = "COCO boxes are x, y, width, height; mend or remove it."
        yield Problem("empty box", f"the box {list(box)} is empty.", remedy, box=box)
    elif x >= image_width or y >= image_height or x + width <= 0 or y + height <= 0:
        text = f"the box {list(box)} lies outside {image}."
        yield Problem("box outside its image", text, "Mend or remove it.", box=box)
    elif x < -1 or y < -1 or x + width > image_width + 1 or y + height > image_height + 1:
        inside = min(x + width, image_width) - max(x, 0), min(y + height, image_height) - max(y, 0)
        share = (inside[0] / width) * (inside[1] / height)  # the product of sides may be beyond all floats
        kind = "box mostly outside its image" if share < 0.5 else "box beyond the edge of its image"
        remedy = "It is clipped to the image; if boxes are x0, y0, x1, y1, convert them to x, y, width, height."
        yield Problem(kind, f"the box {list(box)} reaches beyond {image}.", remedy, "warning", box)


def _box(annotation: Record) -> Box | None:
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in box):
        return None
    # False for NaN and for integers beyond all floats
    return (box[0], box[1], box[2], box[3]) if all(abs(value) <= sys.float_info.max for value in box) else None


def _finding(place: str, problem: Problem, image: ListedImage | None) -> Finding:
    spots = spot(image.path, image.size, problem.box) if image else ()
    return Finding(problem.severity, place, problem.text, problem.remedy, problem.kind, spots)


def _listed(image: Record, folder: Path) -> ListedImage:
    name, width, height = image.get("file_name"), image.get("width"), image.get("height")
    path = None if unsafe_name(name) else folder / str(name)
    return ListedImage(path, (width if _is_side(width) else math.inf, height if _is_side(height) else math.inf))


def _is_side(value: object) -> TypeGuard[int]:
    return is_int(value) and value > 0
