"""What is suspicious about boxes that are each valid: their format, their size, and that they are there twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scanml.datasets.coco import RawImage
from scanml.datasets.coco_records import spot
from scanml.structures.arrays import Bools, Doubles
from scanml.structures.findings import Finding

# A box moved by one pixel along a side of s keeps an IoU of (s - 1) / (s + 1): at 3, the 0.5 that counts as found.
MIN_SIDE_PX = 3.0
_MIN_BOXES = 10  # fewer that lie wrong may be slips
_ALMOST_ALL = 0.99  # of the boxes fit the suspected format: a file that was converted wrongly has slips of its own
OTHER_FORMAT = "boxes in another format"


def suspect_format(path: Path, images: Sequence[RawImage]) -> Iterator[Finding]:
    """One error if the boxes of the label file `path` make sense only as something else than x, y, width, height."""
    boxes = np.array([box for image in images for box in image.xywh], np.float64).reshape(-1, 4)
    owners = [image for image in images for _ in image.xywh]
    if not len(boxes):
        return
    sizes = np.array([(image.width, image.height) for image in owners], np.float64)
    if boxes.max() <= 1 and sizes.min() > 1:
        problem = f"all coordinates of its {len(boxes):,} boxes lie in 0…1: they look like fractions of the image."
        yield _format_error(path, problem, "Multiply them by the image's width and height.", owners[0])
        return
    if len(boxes) < _MIN_BOXES or _fits_xywh(boxes, sizes).mean() > 0.5:
        return
    for name, fits in (("x0, y0, x1, y1", _fits_xyxy), ("center x, center y, width, height", _fits_centers)):
        if fits(boxes, sizes).mean() >= _ALMOST_ALL:
            beyond = int((~_fits_xywh(boxes, sizes)).sum())
            problem = (
                f"{beyond:,} of its {len(boxes):,} boxes reach beyond their images as x, y, width, height, "
                f"and almost all fit as {name}."
            )
            yield _format_error(path, problem, "Convert them to x, y, width, height.", owners[0])
            return


def tiny_boxes(images: Sequence[RawImage]) -> Iterator[Finding]:
    """A warning for every box with a side below three pixels, regions of many aside."""
    for image in images:
        for index, (box, crowd) in enumerate(zip(image.xywh, image.crowd, strict=True)):
            if min(box[2:]) < MIN_SIDE_PX and not crowd:
                problem = f"the box {list(box)} has a side below {MIN_SIDE_PX:g} px: moved by one, it counts as missed."
                spots = spot(image.path, (image.width, image.height), box)
                yield Finding("warning", _where(image, index), problem, "Remove it, or scale up.", "tiny box", spots)


def doubled_boxes(images: Sequence[RawImage]) -> Iterator[Finding]:
    """A warning for every box that is on its image before, to the pixel."""
    for image in images:
        first: dict[tuple[int, ...], int] = {}
        for index, box in enumerate(image.xywh):
            other = first.setdefault(tuple(map(round, box)), index)
            if other == index or image.crowd[index] != image.crowd[other]:
                continue
            same = image.labels[index] == image.labels[other]
            kind = "box that is there twice" if same else "box with two classes"
            problem = f"the box {list(box)} is box {other} again, {'of the same' if same else 'of another'} class."
            remedy = "Remove one: a detector that finds it once misses the other."
            spots = spot(image.path, (image.width, image.height), box)
            yield Finding("warning", _where(image, index), problem, remedy, kind, spots)


def _fits_xywh(boxes: Doubles, sizes: Doubles) -> Bools:
    return np.asarray((boxes[:, :2] + boxes[:, 2:] <= sizes + 1).all(axis=1))


def _fits_xyxy(boxes: Doubles, sizes: Doubles) -> Bools:
    return np.asarray(((boxes[:, :2] < boxes[:, 2:]) & (boxes[:, 2:] <= sizes + 1)).all(axis=1))


def _fits_centers(boxes: Doubles, sizes: Doubles) -> Bools:
    halves = boxes[:, 2:] / 2
    return np.asarray(((boxes[:, :2] - halves >= -1) & (boxes[:, :2] + halves <= sizes + 1)).all(axis=1))


def _format_error(path: Path, problem: str, remedy: str, image: RawImage) -> Finding:
    spots = spot(image.path, (image.width, image.height), image.xywh[0])
    return Finding("error", str(path), problem, remedy, OTHER_FORMAT, spots)


def _where(image: RawImage, index: int) -> str:
    return f"image {image.file_name!r} (id {image.image_id}), box {index}"
