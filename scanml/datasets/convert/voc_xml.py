"""One Pascal VOC annotation: an XML file of a picture's size and objects. No DTD, so no entities, is read.

Source: M. Everingham, J. Winn, "The PASCAL Visual Object Classes Challenge 2012 (VOC2012) Development Kit".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from scanml.datasets.convert.files import read_bounded, to_number
from scanml.errors import DataError

_MAX_MEGABYTES = 4  # 10,000 objects in one picture


@dataclass(frozen=True)
class VocObject:
    """A named box x, y, width, height in pixels, 0 being the picture's left or upper edge."""

    name: str
    xywh: tuple[float, float, float, float]
    difficult: bool


@dataclass(frozen=True)
class Annotation:
    """What one XML file says; `mistakes` tell of the objects that are wrong."""

    size: tuple[int, int]  # width, height
    objects: tuple[VocObject, ...]
    mistakes: tuple[str, ...]


@dataclass(frozen=True)
class _Element:
    tag: str
    line: int
    children: list[_Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)  # of its text

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()

    def all(self, tag: str) -> Iterator[_Element]:
        return (child for child in self.children if child.tag == tag)

    def one(self, tag: str) -> _Element:
        found = list(self.all(tag))
        if len(found) != 1:
            raise DataError(f"line {self.line}: <{self.tag}> needs one <{tag}>, found {len(found)}; mend the file.")
        return found[0]

    def number(self, tag: str) -> float:
        element = self.one(tag)
        try:
            number = to_number(element.text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise DataError(
                f"line {element.line}: expected a number in <{tag}>, received {element.text[:40]!r}; mend it."
            )
        return number


def read_annotation(root: Path, path: Path) -> Annotation:
    """Read one annotation file inside `root`.

    Raises:
        DataError: it is missing, too large, has a DTD, is not XML, or is no `<annotation>` with a `<size>`.
    """
    document = _parse(read_bounded(root, path, max_megabytes=_MAX_MEGABYTES), path)
    if document.tag != "annotation":
        raise DataError(
            f"{path}: expected Pascal VOC's <annotation>, received <{document.tag[:40]}>; is it another format?"
        )
    objects: list[VocObject] = []
    mistakes: list[str] = []
    try:
        size = _size(document.one("size"))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    for element in document.all("object"):
        try:
            objects.append(_read_object(element, size))
        except DataError as error:
            mistakes.append(f"{path}: {error}")
    return Annotation(size, tuple(objects), tuple(mistakes))


def _size(element: _Element) -> tuple[int, int]:
    width, height = element.number("width"), element.number("height")
    if not (width.is_integer() and height.is_integer() and width > 0 and height > 0):
        raise DataError(f"line {element.line}: the size is {width:g}×{height:g}; write the picture's own.")
    return int(width), int(height)


def _read_object(element: _Element, size: tuple[int, int]) -> VocObject:
    name = element.one("name").text
    if not name:
        raise DataError(f"line {element.line}: the object has an empty <name>; mend it.")
    box = element.one("bndbox")
    left, top, right, bottom = (box.number(tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    if right < left or bottom < top:
        raise DataError(
            f"line {box.line}: xmin ymin xmax ymax are {left:g} {top:g} {right:g} {bottom:g}, a negative size; mend it."
        )
    if left > size[0] or top > size[1] or right < 0 or bottom < 0:
        raise DataError(f"line {box.line}: the box lies outside the picture of {size[0]}×{size[1]}; mend or remove it.")
    if not math.isfinite((right - left + 1) * (bottom - top + 1)):
        raise DataError(f"line {box.line}: the box is {right - left:g} wide and {bottom - top:g} high; mend it.")
    flags = {flag.text for flag in element.all("difficult")}
    if wrong := flags - {"0", "1", ""}:
        raise DataError(f"line {element.line}: expected 0 or 1 in <difficult>, received {min(wrong)[:40]!r}; mend it.")
    # The kit counts pixels from 1 and both ends belong to the box (it measures xmax - xmin + 1): the left edge of
    # pixel 1 is 0, the right edge of pixel xmax is xmax. Files counted from 0 are thus off by at most one pixel.
    return VocObject(name, (left - 1, top - 1, right - left + 1, bottom - top + 1), "1" in flags)


def _parse(data: bytes, path: Path) -> _Element:
    parser = expat.ParserCreate()
    top = _Element("", 0)
    opened = [top]

    def start(tag: str, _: dict[str, str]) -> None:
        element = _Element(tag, parser.CurrentLineNumber)
        opened[-1].children.append(element)
        opened.append(element)

    def refuse(*_: object) -> None:
        raise DataError(
            f"{path}: line {parser.CurrentLineNumber}: has a DTD (<!DOCTYPE …>), which is not read; remove it."
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: opened.pop()
    parser.CharacterDataHandler = lambda text: opened[-1].pieces.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise DataError(f"{path}: line {error.lineno}: not XML ({problem}); write it again.") from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know, or of several bytes a character
        raise DataError(f"{path}: its encoding cannot be read ({error}); write it in UTF-8.") from error
    return top.children[0]
