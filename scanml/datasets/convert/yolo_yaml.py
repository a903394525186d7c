"""YOLO's `data.yaml`: class names, and where the pictures of each split are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr  # wrong values may be long

import yaml

from scanml.datasets.convert.files import read_bounded
from scanml.datasets.json_file import is_text
from scanml.errors import DataError

_MAX_MEGABYTES = 1  # names of fifty thousand classes
_SPLIT_KEYS = {"train": ("train",), "validation": ("val", "validation", "valid"), "test": ("test",)}
_NOTHING = ("", "~", "null")  # how YAML writes that a value is absent


@dataclass(frozen=True)
class YoloDescription:
    """A `data.yaml`: `splits` are its words for the places of pictures, `base` the folder they are relative to."""

    path: Path
    base: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, tuple[str, ...]]


def read_description(root: Path) -> YoloDescription:
    """Read `root`/data.yaml, or the only YAML file in `root`.

    Raises:
        DataError: there is none, it is no YAML, or names and `train` are not as they should be.
    """
    path = _find(root)
    values = _parse(root, path)
    if "kpt_shape" in values:
        raise DataError(f"{path}: describes poses (kpt_shape), expected boxes or outlines; export the data as those.")
    splits = {
        split: entries
        for split, keys in _SPLIT_KEYS.items()
        for key in keys
        if (entries := _entries(path, key, values.get(key)))
    }
    if "train" not in splits:
        raise DataError(f"{path}: expected `train:` with a folder or list of pictures, found none; add it.")
    # `path:` tells where the folder lay when the file was written; it counts where it names a folder inside this one.
    said = values.get("path")
    base = root / said if isinstance(said, str) else root
    return YoloDescription(path, base if _is_folder_in(root, base) else root, _class_names(path, values), splits)


def _is_folder_in(root: Path, base: Path) -> bool:
    try:
        return base.is_dir() and base.resolve().is_relative_to(root.resolve())
    except OSError:  # a name that is too long to be one
        return False


def _find(root: Path) -> Path:
    if not root.is_dir():
        raise DataError(f"{root}: expected a YOLO folder with data.yaml; there is no such folder.")
    found = sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
    named = [path for path in found if path.stem == "data"]
    if len(named or found) != 1:
        others = f"{len(found)} YAML files" if found else "none"
        raise DataError(f"{root}: expected data.yaml with `names:` and `train:`, found {others}; write one.")
    return (named or found)[0]


def _parse(root: Path, path: Path) -> Mapping[object, object]:
    data = read_bounded(root, path, max_megabytes=_MAX_MEGABYTES)
    try:
        # The base loader makes text of every value: no objects, and a class named `no` or `1.0` keeps its name.
        loader = yaml.BaseLoader(data)
        node = loader.get_single_node()
        _refuse_twice(path, node)
        values = loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise DataError(f"{path}: {place}not YAML ({problem}); mend it.") from error
    if not isinstance(values, Mapping):
        raise DataError(f"{path}: expected `names:` and `train:`, received {repr(values)}; see YOLO's format.")
    return values


def _refuse_twice(path: Path, node: yaml.Node | None) -> None:
    """A key that is there twice, of which YAML's loader would take the last, at the top or among the names."""
    for mapping in [node, *(value for _, value in node.value)] if isinstance(node, yaml.MappingNode) else ():
        keys = [key for key, _ in mapping.value] if isinstance(mapping, yaml.MappingNode) else []
        seen: set[str] = set()
        for key in keys:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise DataError(
                    f"{path}: line {key.start_mark.line + 1}: {repr(key.value)} is there twice; remove one."
                )
            seen.add(str(key.value))


def _class_names(path: Path, values: Mapping[object, object]) -> tuple[str, ...]:
    names = values.get("names")
    if isinstance(names, Mapping):
        names = [names.get(str(index)) for index in range(len(names))]
        if None in names:
            missing = names.index(None)
            raise DataError(f"{path}: names must be numbered 0…{len(names) - 1}, {missing} is missing; add it.")
    if not isinstance(names, list) or not names or not all(is_text(name) for name in names):
        raise DataError(f"{path}: expected `names:` with a list or mapping of texts, received {repr(names)}; mend it.")
    (twice, times), *_ = Counter(names).most_common(1)
    if times > 1:
        raise DataError(f"{path}: the name {twice!r} occurs twice; give every class its own.")
    count = values.get("nc", str(len(names)))
    if count != str(len(names)):
        raise DataError(f"{path}: nc is {repr(count)}, but there are {len(names)} names; mend one.")
    return tuple(names)


def _entries(path: Path, key: str, value: object) -> tuple[str, ...]:
    if value is None or value in _NOTHING:
        return ()
    entries = value if isinstance(value, list) else [value]
    if not all(is_text(entry) for entry in entries):
        raise DataError(
            f"{path}: expected {key}: to name folders or lists of pictures, received {repr(value)}; mend it."
        )
    return tuple(entries)
