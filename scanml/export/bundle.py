"""What is shipped: a folder whose `manifest.json` says what it is and holds every file to its hash.

manifest.json
scene/1/               the SavedModel
markers/               pictures of the markers; the file's stem is the marker_id
lenses/lenses.json     the catalogue
phone/                 LiteRT files, where they were asked for; see `export.phones`

Markers and lenses may be added by hand later; the model may not be touched. Reading a bundle costs no framework.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scanml.config import ADDED_LATER, fingerprint, from_json, to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.structures.examples import LabelSpace
from scanml.structures.reports import GateVerdict, Metric

FORMAT = 1
MANIFEST = "manifest.json"
PARTS = ("scene", "markers", "lenses", "phone")
_AGAIN = "export the model again, or copy the bundle again from where it came."


@dataclass(frozen=True)
class PhoneNetwork:
    """A LiteRT file by its path in the bundle, what it takes, and how near it is to the model in memory."""

    file: str
    input_dtype: str
    num_bytes: int
    parity: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class PhoneModel:
    """How an app asks the model of a task: letterbox, one of the `networks` (by precision), then `answer`.

    The outputs of a network are the inputs of `answer`, by name; `outputs` says what comes out of that.
    """

    task: str
    input: str
    letterbox: str
    networks: Mapping[str, PhoneNetwork]
    answer: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that is known of a bundle.

    `versions` of the packages that wrote it, `config` the experiment, `fingerprints` of what the export read, `metrics`
    (by name) and `verdicts` by task, `thresholds` by trigger, `parity` as measured, `files` the SHA-256 of each by its
    path below the bundle.
    """

    format: int = FORMAT
    versions: Mapping[str, str]
    config: object
    fingerprints: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, Metric]]
    verdicts: Mapping[str, GateVerdict]
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    trigger_names: tuple[str, ...]
    trigger_parents: tuple[tuple[str, str], ...] = field(default=(), metadata=ADDED_LATER)
    thresholds: Mapping[str, float]
    parity: Mapping[str, float]
    files: Mapping[str, str]
    phones: tuple[PhoneModel, ...] = field(default=(), metadata=ADDED_LATER)

    @property
    def labels(self) -> LabelSpace:
        """What the model's classes and triggers are called."""
        return LabelSpace(self.class_names, self.category_ids, self.trigger_names, self.trigger_parents)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that stand for the whole bundle."""
        return fingerprint(self)

    def to_text(self) -> str:
        """The only text that `open_bundle` accepts for this manifest."""
        return (
            json.dumps({"manifest": to_json(self), "fingerprint": self.fingerprint}, indent=1, allow_nan=False) + "\n"
        )


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk that is as it was written."""

    folder: Path
    manifest: Manifest

    @property
    def saved_model(self) -> Path:
        """The folder of the SavedModel."""
        return self.folder / "scene" / "1"

    @property
    def markers(self) -> Path:
        """The folder of marker pictures; it may be missing."""
        return self.folder / "markers"

    @property
    def lenses(self) -> Path:
        """The catalogue; it may be missing."""
        return self.folder / "lenses" / "lenses.json"


def open_bundle(folder: Path) -> Bundle:
    """The bundle in `folder`, every file of its manifest checked.

    Raises:
        ArtifactError: no bundle, or a file that is missing, changed, unknown to the manifest or outside of the folder.
    """
    manifest = _read_manifest(folder / MANIFEST)
    for name, expected in manifest.files.items():
        _check_name(name, folder)
        path = folder / name
        if not path.is_file():
            raise ArtifactError(f"{path}: the manifest lists this file, but it is missing; {_AGAIN}")
        if hash_file(path) != expected:
            raise ArtifactError(f"{path}: has changed since the bundle was written (another SHA-256); {_AGAIN}")
    for name in [name for part in ("scene", "phone") for name in list_files(folder / part, below=folder)]:
        if name not in manifest.files:
            raise ArtifactError(f"{folder / name}: the manifest does not know this file; remove it, or {_AGAIN}")
    return Bundle(folder, manifest)


def list_files(folder: Path, *, below: Path) -> list[str]:
    """The files in and under `folder` by their path from `below`, sorted."""
    return sorted(path.relative_to(below).as_posix() for path in folder.rglob("*") if not path.is_dir())


def hash_file(path: Path) -> str:
    """SHA-256 of a file; one that cannot be read is an `ArtifactError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}); check its permissions.") from error


def _read_manifest(path: Path) -> Manifest:
    if not path.is_file():
        raise ArtifactError(
            f"{path.parent}: no bundle, {path.name} is missing; name the folder that `scanml export` wrote."
        )
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text)["manifest"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path}: cannot be read as a manifest ({error}); {_AGAIN}") from error
    found = values.get("format") if isinstance(values, dict) else FORMAT
    if isinstance(found, int) and found > FORMAT:
        raise ArtifactError(
            f"{path}: a newer scanml wrote it (format {found}, this one reads {FORMAT}): install that one."
        )
    if found != FORMAT:
        raise ArtifactError(f"{path}: expected format {FORMAT}, received {found!r}; {_AGAIN}")
    try:
        manifest = from_json(Manifest, values, where=str(path))
        changed = manifest.to_text() != text
    except (ConfigError, ValueError) as error:
        raise ArtifactError(f"{path}: the manifest is damaged ({error}); {_AGAIN}") from error
    if changed:
        raise ArtifactError(f"{path}: has changed since it was written (another fingerprint); {_AGAIN}")
    return manifest


def _check_name(name: str, folder: Path) -> None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts or parts[:1] not in [(part,) for part in PARTS]:
        raise ArtifactError(
            f"{folder / MANIFEST}: lists {name!r}; expected files in {', '.join(PARTS)} only. Do not use this bundle."
        )
