"""A YOLO label file: one object a line, `class cx cy w h` or, for an outline, `class x1 y1 x2 y2 x3 y3 …`.

Numbers are fractions of the picture's width and height. Source: Ultralytics' documentation of its detection and
segmentation data sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from scanml.datasets.convert.files import read_lines, to_number
from scanml.datasets.convert.labelled import LabelledObject
from scanml.errors import DataError

_MAX_MEGABYTES = 16  # 10,000 outlines of 200 points in one picture
_ROUNDING = 1e-6  # six decimals are usual: what is written as 1.000001 was meant to be 1


def read_labels(root: Path, path: Path, class_names: Sequence[str]) -> tuple[list[LabelledObject], list[str]]:
    """The objects of a label file, in file order, and what is wrong with its other lines.

    Raises:
        DataError: the file cannot be read.
    """
    objects: list[LabelledObject] = []
    mistakes: list[str] = []
    for number, line in read_lines(root, path, max_megabytes=_MAX_MEGABYTES):
        try:
            objects.append(_read_object(line.split(), class_names))
        except DataError as error:
            mistakes.append(f"{path}: line {number}: {error}")
    return objects, mistakes


def _read_object(words: Sequence[str], class_names: Sequence[str]) -> LabelledObject:
    try:
        label, *numbers = (to_number(word) for word in words)
    except ValueError as error:
        raise DataError(f"expected numbers only, received {' '.join(words)[:80]!r}; mend the line.") from error
    if not (label.is_integer() and 0 <= label < len(class_names)):
        raise DataError(
            f"class {words[0]} is none of the {len(class_names)} names in the YAML file, 0…{len(class_names) - 1}; "
            "mend the line or add the name."
        )
    if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
        raise DataError(
            f"expected a class and 4 numbers (cx cy w h), or 3 and more x y pairs, received {len(numbers)} numbers; "
            "mend the line."
        )
    _check_fractions(numbers)
    if len(numbers) > 4:
        return LabelledObject(int(label), _surround(numbers), tuple(numbers))
    center_x, center_y, width, height = numbers
    return LabelledObject(int(label), _checked((center_x - width / 2, center_y - height / 2, width, height)))


def _check_fractions(numbers: Sequence[float]) -> None:
    for number in numbers:
        if not math.isfinite(number):
            raise DataError(f"received {number}; mend or remove the line.")
        if number < -_ROUNDING:
            raise DataError(f"received {number:g}, a negative fraction of the picture; mend or remove the line.")
        if number > 1 + _ROUNDING:
            hint = "; are these pixels? Divide by the picture's width and height." if number > 2 else "; mend the line."
            raise DataError(f"expected fractions of the picture in [0, 1], received {number:g}{hint}")


def _surround(polygon: Sequence[float]) -> tuple[float, ...]:
    xs, ys = polygon[0::2], polygon[1::2]
    return _checked((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))


def _checked(xywh: tuple[float, float, float, float]) -> tuple[float, ...]:
    if xywh[2] <= 0 or xywh[3] <= 0:
        raise DataError(f"the box is empty: {xywh[2]:g} wide, {xywh[3]:g} high; mend or remove the line.")
    return xywh
