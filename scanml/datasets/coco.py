"""COCO JSON: reading it, and saying by file and record what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from reprlib import repr  # wrong values may be long

from scanml.datasets.coco_records import (
    ListedImage,
    Problem,
    Record,
    check_annotation,
    check_category,
    check_image,
    examine,
    is_int,
    list_images,
)
from scanml.datasets.json_file import read_json
from scanml.errors import DataError
from scanml.structures.examples import LabelSpace
from scanml.structures.findings import Finding


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
    """The sound records of one COCO JSON file, as written, in file order; `findings` tell of the others.

    `listed` are the file names of all its image records, sound or not.
    """

    path: Path
    images: tuple[Record, ...]
    annotations: tuple[Record, ...]
    categories: tuple[Record, ...]
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    listed: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def label_space(self) -> LabelSpace:
        """Class names and original category ids, by ascending id; gaps are kept."""
        ordered = sorted(self.categories, key=lambda category: int(category["id"]))
        return LabelSpace(tuple(c["name"] for c in ordered), tuple(c["id"] for c in ordered))


def read_coco(path: Path, *, images: Path | None = None) -> CocoFile:
    """Parse a COCO file; wrong records are named in `findings` and left out, the file itself must have COCO's shape.

    `images` is the folder of its pictures, by default images/ beside it; none of them is opened.

    Raises:
        DataError: missing, unreadable, truncated or not JSON, or not an object with images, annotations, categories.
    """
    lists = _read_lists(path)
    listed = list_images(lists["images"], images or path.parent / "images")
    category_ids = {category["id"] for category in lists["categories"] if is_int(category.get("id"))}
    checks: dict[str, tuple[str, Callable[[Record], Iterator[Problem]]]] = {
        "categories": ("", partial(check_category, ids=set(), names=set())),
        "images": ("id", partial(check_image, ids=set(), names=set())),
        "annotations": ("image_id", partial(check_annotation, ids=set(), images=listed, categories=category_ids)),
    }

    def image_of(record: Record, key: str) -> ListedImage | None:
        identity = record.get(key)
        return listed.get(identity) if is_int(identity) else None

    sound: dict[str, tuple[Record, ...]] = {}
    findings: list[Finding] = []
    for name, (key, check) in checks.items():
        sound[name], found = examine(f"{path}: {name}", lists[name], check, image_of=partial(image_of, key=key))
        findings += found
    names = frozenset(image["file_name"] for image in lists["images"] if isinstance(image.get("file_name"), str))
    return CocoFile(path, sound["images"], _of_listed(**sound), sound["categories"], tuple(findings), names)


def raw_images(coco: CocoFile, folder: Path) -> list[RawImage]:
    """The pictures of a COCO file, in file order, their annotations gathered."""
    label_of = {category_id: label for label, category_id in enumerate(coco.label_space.category_ids)}
    by_image: dict[int, list[Record]] = {image["id"]: [] for image in coco.images}
    for annotation in coco.annotations:
        by_image[annotation["image_id"]].append(annotation)
    return [_raw_image(image, by_image[image["id"]], folder, label_of) for image in coco.images]


def _raw_image(image: Record, annotations: Sequence[Record], folder: Path, label_of: Mapping[int, int]) -> RawImage:
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


def _read_lists(path: Path) -> dict[str, list[Record]]:
    """The three lists of objects that a COCO file has."""
    values = read_json(path)
    if not isinstance(values, Mapping):
        raise DataError(f"{path}: expected a COCO object, received a JSON {type(values).__name__}.")
    lists = {name: values.get(name) for name in ("images", "annotations", "categories")}
    for name, records in lists.items():
        if not isinstance(records, list):
            received = "nothing" if records is None else f"a {type(records).__name__}"
            raise DataError(
                f"{path}: expected a list of objects under {name!r}, received {received}; see COCO's format."
            )
        for index, record in enumerate(records):
            if not isinstance(record, Mapping):
                raise DataError(f"{path}: {name}[{index}]: expected an object, received {repr(record)}; mend it.")
    return {name: records or [] for name, records in lists.items()}


def _of_listed(
    annotations: Sequence[Record], images: Sequence[Record], categories: Sequence[Record]
) -> tuple[Record, ...]:
    """Annotations whose image and category were not left out."""
    image_ids, category_ids = ({record["id"] for record in records} for records in (images, categories))
    return tuple(a for a in annotations if a["image_id"] in image_ids and a["category_id"] in category_ids)
