"""COCO JSON: reading it, and saying by file and record what is wrong with it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PureWindowsPath
from reprlib import repr  # wrong values may be long
from typing import Any, TypeGuard

from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.reports import Finding, Severity

_Record = Mapping[str, Any]  # as it came from JSON
_Problem = tuple[Severity, str, str]  # how bad, what is wrong, the remedy


@dataclass(frozen=True)
class RawImage:
    """One picture on disk and what its files say about it; boxes are COCO's x, y, width, height as written."""

    path: Path
    file_name: str
    image_id: int
    width: int
    height: int
    xywh: tuple[tuple[float, float, float, float], ...] = ()
    labels: tuple[int, ...] = ()
    crowd: tuple[bool, ...] = ()
    areas: tuple[float, ...] = ()  # of the masks where the file tells, else of the boxes
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CocoFile:
    """The sound records of one COCO JSON file, as written, in file order; `findings` tell of the others."""

    path: Path
    images: tuple[_Record, ...]
    annotations: tuple[_Record, ...]
    categories: tuple[_Record, ...]
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    @property
    def label_space(self) -> LabelSpace:
        """Class names and original category ids, by ascending id; gaps are kept."""
        ordered = sorted(self.categories, key=lambda category: int(category["id"]))
        return LabelSpace(tuple(c["name"] for c in ordered), tuple(c["id"] for c in ordered))


def read_coco(path: Path) -> CocoFile:
    """Parse a COCO file; wrong records are named in `findings` and left out, the file itself must have COCO's shape.

    Raises:
        DataError: missing, unreadable, truncated or not JSON, or not an object with images, annotations, categories.
    """
    values = read_json(path)
    if not isinstance(values, Mapping):
        raise DataError(f"{path}: expected a COCO object, received a JSON {type(values).__name__}.")
    lists = {name: values.get(name) for name in ("images", "annotations", "categories")}
    for name, records in lists.items():
        if not isinstance(records, list) or not all(isinstance(record, Mapping) for record in records):
            received = "nothing" if records is None else f"a {type(records).__name__}"
            raise DataError(
                f"{path}: expected a list of objects under {name!r}, received {received}; see COCO's format."
            )
    sizes = {i["id"]: _size(i) for i in lists["images"] or () if _is_int(i.get("id"))}
    category_ids = {c["id"] for c in lists["categories"] or () if _is_int(c.get("id"))}
    checks: dict[str, Callable[[_Record], Iterator[_Problem]]] = {
        "categories": partial(_check_category, ids=set(), names=set()),
        "images": partial(_check_image, ids=set(), names=set()),
        "annotations": partial(_check_annotation, ids=set(), sizes=sizes, categories=category_ids),
    }
    seen = {name: _examine(f"{path}: {name}", lists[name] or (), check) for name, check in checks.items()}
    (categories, _), (images, _), (annotations, _) = seen.values()
    findings = tuple(finding for _, found in seen.values() for finding in found)
    return CocoFile(path, images, _of_listed(annotations, images, categories), categories, findings)


def read_json(path: Path) -> Any:
    """Any JSON file; one that is missing, truncated or not JSON is a `DataError` with line and column."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions.") from error
    except json.JSONDecodeError as error:
        hint = "it is truncated or damaged; write it again" if error.pos else "expected JSON"
        raise DataError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}; {hint}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of thousands of digits, nested without end
        raise DataError(f"{path}: not JSON that can be read ({error}); write it again, in UTF-8.") from error


def raw_images(coco: CocoFile, folder: Path) -> list[RawImage]:
    """The pictures of a COCO file, in file order, their annotations gathered."""
    label_of = {category_id: label for label, category_id in enumerate(coco.label_space.category_ids)}
    by_image: dict[int, list[_Record]] = {image["id"]: [] for image in coco.images}
    for annotation in coco.annotations:
        by_image[annotation["image_id"]].append(annotation)
    return [_raw_image(image, by_image[image["id"]], folder, label_of) for image in coco.images]


def _raw_image(image: _Record, annotations: Sequence[_Record], folder: Path, label_of: Mapping[int, int]) -> RawImage:
    return RawImage(
        path=folder / image["file_name"],
        file_name=image["file_name"],
        image_id=image["id"],
        width=image["width"],
        height=image["height"],
        xywh=tuple(tuple(float(v) for v in a["bbox"]) for a in annotations),  # type: ignore[misc]
        labels=tuple(label_of[a["category_id"]] for a in annotations),
        crowd=tuple(bool(a.get("iscrowd", 0)) for a in annotations),
        areas=tuple(float(a.get("area", a["bbox"][2] * a["bbox"][3])) for a in annotations),
    )


def unsafe_name(name: object) -> str | None:
    """Why a file name must not be followed, or None: it has to stay inside its folder."""
    if not is_text(name) or "\0" in name:
        return f"expected a file name, received {name!r}."
    path = PureWindowsPath(name)  # knows both slashes and drives
    if path.anchor or ".." in path.parts or not path.parts:
        return f"the file name {name!r} leads out of the image folder."
    return None


def is_text(value: object) -> TypeGuard[str]:
    """True for a string that is not empty and can be written as UTF-8: JSON may hold halves of characters."""
    return isinstance(value, str) and value != "" and value.encode(errors="ignore").decode() == value


def _of_listed(
    annotations: Sequence[_Record], images: Sequence[_Record], categories: Sequence[_Record]
) -> tuple[_Record, ...]:
    """Annotations whose image and category were not left out."""
    image_ids, category_ids = ({record["id"] for record in records} for records in (images, categories))
    return tuple(a for a in annotations if a["image_id"] in image_ids and a["category_id"] in category_ids)


def _examine(
    where: str, records: Sequence[_Record], check: Callable[[_Record], Iterator[_Problem]]
) -> tuple[tuple[_Record, ...], list[Finding]]:
    """The records in which `check` sees no error, and all that it sees."""
    sound: list[_Record] = []
    findings: list[Finding] = []
    for index, record in enumerate(records):
        problems = list(check(record))
        if all(severity != "error" for severity, _, _ in problems):
            sound.append(record)
        if problems:
            of_image = f", image {repr(record['image_id'])}" if "image_id" in record else ""
            place = f"{where}[{index}] (id {repr(record.get('id'))}{of_image})"
            findings += [Finding(severity, place, problem, remedy) for severity, problem, remedy in problems]
    return tuple(sound), findings


def _check_category(category: _Record, ids: set[int], names: set[str]) -> Iterator[_Problem]:
    identity, name = category.get("id"), category.get("name")
    if not _is_int(identity) or not is_text(name):
        yield _error(f"expected an integer id and a name, received {repr(identity)} and {repr(name)}.", "Mend it.")
        return
    if identity in ids or name in names:
        yield _error(f"category id {identity} or name {name!r} occurs twice.", "Make both unique.")
    ids.add(identity)
    names.add(name)


def _check_image(image: _Record, ids: set[int], names: set[str]) -> Iterator[_Problem]:
    identity, name = image.get("id"), image.get("file_name")
    sides = [image.get("width"), image.get("height")]
    if problem := unsafe_name(name):
        yield _error(problem, "Give a path inside the image folder.")
    elif name in names:
        yield _error(f"{name!r} is listed twice.", "List every image once.")
    if not all(_is_side(side) for side in sides):
        yield _error(f"expected positive width and height, received {repr(sides)}.", "Write the image's size.")
    if not _is_int(identity):
        yield _error(f"expected an integer id, received {repr(identity)}.", "Number the images.")
    elif identity in ids:
        yield _error(f"image id {identity} occurs twice.", "Give every image an id of its own.")
    ids.update({identity} if _is_int(identity) else ())
    names.add(str(name))


def _check_annotation(
    annotation: _Record, ids: set[int], sizes: Mapping[int, tuple[float, float]], categories: Container[int]
) -> Iterator[_Problem]:
    identity, image_id, category = (annotation.get(key) for key in ("id", "image_id", "category_id"))
    crowd = annotation.get("iscrowd", 0)
    if not _is_int(identity):
        yield _error(f"expected an integer id, received {repr(identity)}.", "Number the annotations.")
    elif identity in ids:
        yield _error(f"annotation id {identity} occurs twice.", "Give every annotation an id of its own.")
    ids.update({identity} if _is_int(identity) else ())
    if crowd not in (0, 1):
        yield _error(f"expected iscrowd 0 or 1, received {repr(crowd)}.", "Mend the record.")
    area = annotation.get("area", 0)
    if type(area) not in (int, float) or not 0 <= area <= sys.float_info.max:
        yield _error(f"expected an area in square pixels, received {repr(area)}.", "Mend it, or leave it out.")
    if not _is_int(category) or category not in categories:
        yield _error(f"unknown category id {repr(category)}.", "List it under 'categories', or mend it.")
    if not _is_int(image_id) or image_id not in sizes:
        yield _error(f"unknown image id {repr(image_id)}.", "List the image under 'images', or mend it.")
    else:
        yield from _check_box(annotation.get("bbox"), sizes[image_id])


def _check_box(box: object, size: tuple[float, float]) -> Iterator[_Problem]:
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in box):
        yield _error(f"expected bbox [x, y, width, height], received {repr(box)}.", "Mend the record.")
        return
    if not all(abs(value) <= sys.float_info.max for value in box):  # False for NaN and for integers beyond all floats
        yield _error(f"the box {repr(box)} is not finite.", "Mend or remove the annotation.")
        return
    (x, y, width, height), (image_width, image_height) = box, size
    if width <= 0 or height <= 0:
        yield _error(f"the box {box} is empty.", "COCO boxes are x, y, width, height; mend or remove it.")
    elif x >= image_width or y >= image_height or x + width <= 0 or y + height <= 0:
        yield _error(f"the box {box} lies outside the image of {image_width}×{image_height}.", "Mend or remove it.")
    elif x < -1 or y < -1 or x + width > image_width + 1 or y + height > image_height + 1:
        remedy = "It is clipped to the image; if boxes are x0, y0, x1, y1, convert them to x, y, width, height."
        yield "warning", f"the box {box} reaches beyond the image of {image_width}×{image_height}.", remedy


def _size(image: _Record) -> tuple[float, float]:
    """(width, height) as far as they can be believed: nothing lies outside of what is not known."""
    width, height = image.get("width"), image.get("height")
    return width if _is_side(width) else math.inf, height if _is_side(height) else math.inf


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63  # an array can hold it


def _is_side(value: object) -> TypeGuard[int]:
    return _is_int(value) and value > 0


def _error(problem: str, remedy: str) -> _Problem:
    return "error", problem, remedy
