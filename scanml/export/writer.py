"""A trained model → a bundle. Nothing is called a bundle before parity is proven: the manifest is written last."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from scanml.config import from_json, to_json
from scanml.datasets.catalog import load_lenses, load_markers
from scanml.errors import ArtifactError
from scanml.export.bundle import MANIFEST, PARTS, Bundle, Manifest, hash_file, list_files
from scanml.export.parity import prove_parity
from scanml.export.saved_model import write_saved_model
from scanml.models.scene_model import SceneModel
from scanml.structures.reports import GateVerdict, Metric

_PACKAGES = ("scanml", "keras", "tensorflow")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from and what was judged of it; see `Manifest`."""

    config: object
    fingerprints: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, Metric]]
    verdicts: Mapping[str, GateVerdict]


def write_bundle(
    folder: Path,
    model: SceneModel,
    origin: Origin,
    *,
    images: Mapping[str, bytes],
    markers: Path | None = None,
    lenses: Path | None = None,
) -> Bundle:
    """Write `model` with a folder of `markers` and a `lenses.json` to `folder`, proven on encoded `images`, by name.

    Raises:
        ArtifactError: `folder` is not empty or cannot be written.
        GateError: the SavedModel differs from `model`; `folder` stays without manifest.
        ModelError: Keras does not run on TensorFlow.
        DataError: an image, marker or lens is broken.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ArtifactError(f"{folder}: expected an empty or new folder for the bundle; choose another.")
    if markers is not None:
        load_markers(markers)
    if lenses is not None:
        load_lenses(lenses)
    try:
        bundle = Bundle(folder, _write_files(folder, model, origin, images, (markers, lenses)))
        (folder / MANIFEST).write_text(bundle.manifest.to_text(), encoding="utf-8")
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written ({error.strerror}); choose another folder.") from error
    return bundle


def _write_files(
    folder: Path,
    model: SceneModel,
    origin: Origin,
    images: Mapping[str, bytes],
    extras: tuple[Path | None, Path | None],
) -> Manifest:
    bundle_scene, (markers, lenses) = folder / "scene" / "1", extras
    write_saved_model(model, bundle_scene)
    parity = prove_parity(bundle_scene, model, images)
    for part in ("markers", "lenses"):
        (folder / part).mkdir(exist_ok=True)
    for path in sorted(markers.iterdir()) if markers else ():
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, folder / "markers" / path.name)
    if lenses:
        shutil.copyfile(lenses, folder / "lenses" / "lenses.json")
    labels = model.labels
    values = {
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        **dict(to_json(origin)),  # type: ignore[call-overload]
        **dict(to_json(labels)),  # type: ignore[call-overload]
        "thresholds": model.thresholds,
        "parity": {name: float(value) for name, value in dict(to_json(parity)).items()},  # type: ignore[call-overload]
        "files": {name: hash_file(folder / name) for part in PARTS for name in list_files(folder / part, below=folder)},
    }
    return from_json(Manifest, values, where="manifest")
