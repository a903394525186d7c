"""COCO JSON: reading it, and saying by file and record what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.reports import Finding


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
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CocoFile:
    """The records of one COCO JSON file, as written, in file order."""

    path: Path
    images: tuple[Mapping[str, Any], ...]
    annotations: tuple[Mapping[str, Any], ...]
    categories: tuple[Mapping[str, Any], ...]
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    @property
    def label_space(self) -> LabelSpace:
        """Class names and original category ids, by ascending id; gaps are kept."""
        ordered = sorted(self.categories, key=lambda category: int(category["id"]))
        return LabelSpace(tuple(str(c["name"]) for c in ordered), tuple(int(c["id"]) for c in ordered))


def read_coco(path: Path) -> CocoFile:
    """Parse a COCO file; records that are wrong are named in `findings`, the file itself must be JSON of COCO's shape.

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
    images, annotations, categories = (tuple(lists[name] or ()) for name in ("images", "annotations", "categories"))
    findings = (
        *_check_categories(path, categories),
        *_check_images(path, images),
        *_check_annotations(path, annotations, images, categories),
    )
    return CocoFile(path, images, annotations, categories, findings)


def read_json(path: Path) -> Any:
    """Any JSON file; one that is missing, truncated or not JSON is a `DataError` with line and column."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions.") from error
    except json.JSONDecodeError as error:
        hint = "it is truncated or damaged; write it again" if error.pos else "expected JSON"
        raise DataError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}; {hint}.") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not JSON in UTF-8 ({type(error).__name__}); write it again.") from error


def raw_images(coco: CocoFile, folder: Path) -> list[RawImage]:
    """The pictures of a COCO file without findings, in file order, their annotations gathered."""
    label_of = {category_id: label for label, category_id in enumerate(coco.label_space.category_ids)}
    by_image: dict[int, list[Mapping[str, Any]]] = {int(image["id"]): [] for image in coco.images}
    for annotation in coco.annotations:
        by_image[annotation["image_id"]].append(annotation)
    return [_raw_image(image, by_image[int(image["id"])], folder, label_of) for image in coco.images]


def _raw_image(
    image: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], folder: Path, label_of: Mapping[int, int]
) -> RawImage:
    return RawImage(
        path=folder / image["file_name"],
        file_name=image["file_name"],
        image_id=image["id"],
        width=image["width"],
        height=image["height"],
        xywh=tuple(tuple(float(v) for v in a["bbox"]) for a in annotations),  # type: ignore[misc]
        labels=tuple(label_of[a["category_id"]] for a in annotations),
        crowd=tuple(bool(a.get("iscrowd", 0)) for a in annotations),
    )


def unsafe_name(name: object) -> str | None:
    """Why a file name must not be followed, or None: it has to stay inside its folder."""
    if not isinstance(name, str) or not name:
        return f"expected a file name, received {name!r}."
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in name:
        return f"the file name {name!r} leads out of the image folder."
    return None


def _check_categories(path: Path, categories: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    ids: set[int] = set()
    names: set[str] = set()
    for index, category in enumerate(categories):
        where = f"{path}: categories[{index}]"
        identity, name = category.get("id"), category.get("name")
        if not _is_int(identity) or not isinstance(name, str) or not name:
            yield _error(where, f"expected an integer id and a name, received {identity!r} and {name!r}.", "Mend it.")
            continue
        if identity in ids or name in names:
            yield _error(where, f"category id {identity} or name {name!r} occurs twice.", "Make both unique.")
        ids.add(identity)
        names.add(name)


def _check_images(path: Path, images: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    ids: set[int] = set()
    names: set[str] = set()
    for index, image in enumerate(images):
        where = f"{path}: images[{index}] (id {image.get('id')!r})"
        problem = unsafe_name(image.get("file_name"))
        if problem:
            yield _error(where, problem, "Give a path inside the image folder.")
        sides = [image.get("width"), image.get("height")]
        if not all(_is_int(side) and side > 0 for side in sides):
            yield _error(where, f"expected positive width and height, received {sides}.", "Write the image's size.")
        if not _is_int(image.get("id")):
            yield _error(where, f"expected an integer id, received {image.get('id')!r}.", "Number the images.")
        elif image["id"] in ids:
            yield _error(where, f"image id {image['id']} occurs twice.", "Give every image an id of its own.")
        elif image.get("file_name") in names:
            yield _error(where, f"{image['file_name']!r} is listed twice.", "List every image once.")
        if _is_int(image.get("id")):
            ids.add(image["id"])
        names.add(str(image.get("file_name")))


def _check_annotations(
    path: Path,
    annotations: Sequence[Mapping[str, Any]],
    images: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
) -> Iterator[Finding]:
    sizes = {i["id"]: (i.get("width"), i.get("height")) for i in images if _is_int(i.get("id"))}
    category_ids = {c["id"] for c in categories if _is_int(c.get("id"))}
    seen: set[object] = set()
    for index, annotation in enumerate(annotations):
        where = f"{path}: annotations[{index}] (id {annotation.get('id')!r}, image {annotation.get('image_id')!r})"
        identity, image_id, category = (annotation.get(key) for key in ("id", "image_id", "category_id"))
        if not _is_int(identity) or identity in seen:
            yield _error(where, f"annotation id {identity!r} is no integer or occurs twice.", "Number the annotations.")
        else:
            seen.add(identity)
        if not _is_int(category) or category not in category_ids:
            yield _error(where, f"unknown category id {category!r}.", f"Known: {sorted(category_ids)}.")
        if not _is_int(image_id) or image_id not in sizes:
            yield _error(where, f"unknown image id {image_id!r}.", "List the image under 'images'.")
        else:
            yield from _check_box(where, annotation.get("bbox"), sizes[image_id])


def _check_box(where: str, box: object, size: tuple[object, object]) -> Iterator[Finding]:
    numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
    if not isinstance(box, list) or not numbers or any(isinstance(v, bool) for v in box):
        yield _error(where, f"expected bbox [x, y, width, height], received {box!r}.", "Mend the record.")
        return
    if not all(math.isfinite(v) for v in box):
        yield _error(where, f"the box {box} is not finite.", "Mend or remove the annotation.")
        return
    x, y, width, height = box
    image_width, image_height = (side if _is_int(side) else math.inf for side in size)
    if width <= 0 or height <= 0:
        yield _error(where, f"the box {box} is empty.", "COCO boxes are x, y, width, height; mend or remove it.")
    elif x >= image_width or y >= image_height or x + width <= 0 or y + height <= 0:
        yield _error(where, f"the box {box} lies outside the image of {size[0]}×{size[1]}.", "Mend or remove it.")
    elif x < -1 or y < -1 or x + width > image_width + 1 or y + height > image_height + 1:
        remedy = "It is clipped to the image; if boxes are x0, y0, x1, y1, convert them to x, y, width, height."
        yield Finding("warning", where, f"the box {box} reaches beyond the image of {size[0]}×{size[1]}.", remedy)


def _is_int(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _error(where: str, problem: str, remedy: str) -> Finding:
    return Finding("error", where, problem, remedy)
