"""Lenses and markers on disk, and whether they fit each other and the models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from scanml.config import from_json, nearest
from scanml.datasets.images import read_image
from scanml.datasets.json_file import read_json
from scanml.errors import ConfigError, DataError
from scanml.features.local import extract_local
from scanml.structures.lens import Lens, LensCatalog
from scanml.structures.marker import Marker

MARKER_POINTS = 500  # keypoints kept of a marker: 256 kB of descriptors
# A match needs 12 points at distinct places; four times that, as a frame never shows all of them again.
MIN_MARKER_POINTS = 48
_REQUIRED = ("lens_id", "name")


def load_lenses(path: Path) -> LensCatalog:
    """The lenses of a `lenses.json`.

    It holds a list of `{lens_id, name, triggers: {name: weight}, objects, marker_ids, popularity}`; only
    `lens_id` and `name` must be there. An empty list is an empty catalogue.

    Raises:
        DataError: missing, truncated, not a list of lenses, a field that is missing, unknown or of the wrong type, or a
            lens_id that occurs twice; the message names file and record, counted from 0.
    """
    records = read_json(path)
    if not isinstance(records, list):
        raise DataError(
            f'{path}: expected a list of lenses, received a JSON {type(records).__name__}; write [{{"lens_id": …}}, …].'
        )
    lenses = tuple(_lens(record, where=f"{path}[{index}]") for index, record in enumerate(records))
    first: dict[str, int] = {}
    for index, lens in enumerate(lenses):
        if first.setdefault(lens.lens_id, index) != index:
            raise DataError(
                f"{path}[{index}]: lens_id {lens.lens_id!r} is already that of [{first[lens.lens_id]}]; "
                "give every lens an id of its own."
            )
    return LensCatalog(lenses)


def load_markers(folder: Path) -> tuple[Marker, ...]:
    """The markers of a folder of JPEG and PNG images, by marker_id: the file name without its extension.

    Hidden files and folders inside are left alone. An empty folder has no markers.

    Raises:
        DataError: the folder is missing, a file is no readable image or has too little texture to be recognised, or two
            files make the same marker_id; the message names the file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of marker images, found none; check the path.")
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    by_id: dict[str, Path] = {}
    for path in paths:
        if by_id.setdefault(path.stem, path) != path:
            raise DataError(f"{path}: makes the same marker_id as {by_id[path.stem].name}; rename one of them.")
    return tuple(_marker(marker_id, by_id[marker_id]) for marker_id in sorted(by_id))


def check_catalog(
    catalog: LensCatalog, *, class_names: Sequence[str], trigger_names: Sequence[str], marker_ids: Sequence[str]
) -> tuple[str, ...]:
    """One warning for every trigger, object or marker that a lens names and nothing can ever report.

    >>> lenses = LensCatalog((Lens("moon", "Moon", triggers={"skye": 1.0}),))
    >>> check_catalog(lenses, class_names=(), trigger_names=("sky",), marker_ids=())
    ("lens 'moon': unknown trigger 'skye'; did you mean 'sky'?",)
    """
    warnings: list[str] = []
    for lens in catalog.lenses:
        warnings += _unknown(lens, "trigger", lens.triggers, trigger_names)
        warnings += _unknown(lens, "object", lens.objects, class_names)
        warnings += _unknown(lens, "marker", lens.marker_ids, marker_ids)
    return tuple(warnings)


def _lens(record: object, *, where: str) -> Lens:
    if not isinstance(record, dict):
        raise DataError(f"{where}: expected an object with {' and '.join(_REQUIRED)}, received {record!r}.")
    missing = [name for name in _REQUIRED if name not in record]
    try:
        lens = None if missing else from_json(Lens, record, where=where)
    except ConfigError as error:
        raise DataError(f"{error} Mend the record.") from error
    except DataError as error:
        raise DataError(f"{where}: {error} Mend the record.") from error
    if lens is None:
        present = ", ".join(map(repr, record)) or "nothing"
        raise DataError(f"{where}: {' and '.join(missing)} missing, found {present}; a lens needs both.")
    return lens


def _marker(marker_id: str, path: Path) -> Marker:
    pixels = read_image(path)
    features = extract_local(pixels, max_points=MARKER_POINTS)
    if len(features) < MIN_MARKER_POINTS:
        raise DataError(
            f"{path}: expected a marker with at least {MIN_MARKER_POINTS} distinctive points, found {len(features)}; "
            "use a sharp picture with more texture, or take it out."
        )
    return Marker(marker_id, pixels, features)


def _unknown(lens: Lens, kind: str, names: Iterable[str], known: Sequence[str]) -> list[str]:
    return [
        f"lens {lens.lens_id!r}: unknown {kind} {name!r}; {nearest(name, known) if known else f'there are no {kind}s.'}"
        for name in names
        if name not in known
    ]
