"""Triggers of pictures, one JSON object a line: `{"image", "present": [...], "absent": [...]}`; the rest is unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scanml.datasets.coco import RawImage
from scanml.datasets.json_file import is_text, unsafe_name
from scanml.datasets.plain_file import read_plain
from scanml.errors import DataError
from scanml.structures.findings import Finding


@dataclass(frozen=True)
class TriggerLabels:
    """What a JSONL file says: file name → (present, absent). Names are sorted; findings name file and line.

    `parents` are the pairs (child, parent) of the taxonomy that was applied, if there is one; `listed` are the images
    of all lines, sound or not.
    """

    path: Path
    by_image: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    listed: frozenset[str] = frozenset()


def read_triggers(path: Path) -> TriggerLabels:
    """Read a triggers file; records that are wrong become findings.

    Raises:
        DataError: the file cannot be read or is not UTF-8.
    """
    try:
        text = read_plain(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8 text, received byte {error.start} that is not; save it as UTF-8."
        ) from error
    by_image: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    findings: list[Finding] = []
    listed: set[str] = set()
    for number, line in enumerate(re.split("\r\n?|\n", text), start=1):  # splitlines() cuts strings at U+2028
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        record, problem = _parse(line)
        if problem is None and record[0] in by_image:
            problem = f"image {record[0]!r} has a line already."
        if problem:
            remedy = 'Write {"image": name, "present": [names], "absent": [names]}, one line an image.'
            findings.append(Finding("error", where, problem, remedy, "wrong line of triggers"))
        else:
            by_image[record[0]] = record[1:]
        listed.update({record[0]} - {""})
    names = sorted({name for present, absent in by_image.values() for name in present | absent})
    return TriggerLabels(path, by_image, tuple(names), findings=tuple(findings), listed=frozenset(listed))


def attach(images: list[RawImage], triggers: TriggerLabels, *, unlisted_absent: bool) -> list[RawImage]:
    """The pictures with their triggers; with `unlisted_absent` a labelled picture lacks whatever it does not name."""
    every = frozenset(triggers.names)
    nothing: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    attached = []
    for image in images:
        present, absent = triggers.by_image.get(image.file_name, nothing)
        if unlisted_absent and image.file_name in triggers.by_image:
            absent = every - present
        attached.append(replace(image, present=present, absent=absent))
    return attached


def check_names(triggers: TriggerLabels, known: Collection[str]) -> Iterator[Finding]:
    """A finding for every line about a picture that no split has."""
    for name in triggers.by_image:
        if name not in known:
            where = f"{triggers.path}: image {name!r}"
            remedy = "Mend the name or remove the line."
            yield Finding("error", where, "no split lists this image.", remedy, "triggers of an unknown image")


def _parse(line: str) -> tuple[tuple[str, frozenset[str], frozenset[str]], str | None]:
    """(image, present, absent), and what is wrong; a line that names no image has an empty one."""
    nothing = ("", frozenset[str](), frozenset[str]())
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return nothing, f"not JSON ({error})."
    if not isinstance(values, dict) or "image" not in values:
        return nothing, f"expected an object with an 'image', received {line[:80]!r}."
    if problem := unsafe_name(values["image"]):
        return nothing, problem
    nothing = (values["image"], *nothing[1:])
    unknown = set(values) - {"image", "present", "absent"}
    lists = [values.get("present", []), values.get("absent", [])]
    if unknown or not all(isinstance(names, list) and all(map(is_text, names)) for names in lists):
        return nothing, f"expected lists of names under 'present' and 'absent' only, received {line[:80]!r}."
    present, absent = frozenset(lists[0]), frozenset(lists[1])
    if present & absent:
        return nothing, f"{sorted(present & absent)} are both present and absent."
    return (values["image"], present, absent), None
