"""A training's state in one file, replaced atomically: weights, optimizer, running average and the data position.

    checkpoint/state.npz     header (JSON), then arrays model/0, model/1, …, optimizer/0, …, average/0, …

A finished training keeps the average alone: that is the model. Arrays are read without pickle.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanml.config import from_json, to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.structures.arrays import Tensor
from scanml.structures.examples import LabelSpace

if TYPE_CHECKING:
    import keras

    from scanml.models.build import ModelConfig, SceneNetwork

FORMAT = 1
FILE = "state.npz"
# What zipfile, NumPy and JSON raise when bytes were changed, by accident or on purpose.
_DAMAGES = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,
    MemoryError,
    ConfigError,
    zipfile.BadZipFile,
    zlib.error,
)
_OVERHEAD_BYTES = 4096  # a zip entry and an array's own header

Variables = Mapping[str, Sequence["keras.Variable"]]


@dataclass(frozen=True)
class Header:
    """What the arrays belong to. `step` updates are done; `trained_on` are the pixel hashes of the training images."""

    task: str
    model: object
    labels: LabelSpace
    train: object
    data_fingerprint: str
    trained_on: tuple[str, ...]
    step: int
    finished: bool = False
    format: int = FORMAT


def save(folder: Path, header: Header, variables: Variables) -> None:
    """Write `variables`, whole or not at all.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    arrays = {f"{name}/{i}": np.asarray(v) for name, values in variables.items() for i, v in enumerate(values)}
    text = np.frombuffer(json.dumps(to_json(header)).encode(), np.uint8)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{FILE}.new"
        with fresh.open("wb") as file:
            np.savez(file, **{"header": text, **arrays})  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / FILE)
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written ({error.strerror}); free the place.") from error


def read_header(folder: Path) -> Header:
    """The header of the checkpoint in `folder`; see `restore` for errors."""
    return _read(folder, [])[0]


def find_header(folder: Path, wanted: Header) -> Header | None:
    """The header of the training that stands in `folder`, if any.

    Raises:
        ArtifactError: it is another training than `wanted`, whatever their steps.
    """
    if not (folder / FILE).exists():
        return None
    found = read_header(folder)
    for name in ("task", "model", "labels", "train", "data_fingerprint"):
        if to_json(getattr(found, name)) != to_json(getattr(wanted, name)):
            raise ArtifactError(
                f"{folder}: holds a training with another {name.replace('_', ' ')}; choose another folder, or remove "
                "this one to start over."
            )
    return found


def restore(folder: Path, variables: Variables) -> Header:
    """Put the arrays of the checkpoint into `variables`; nothing is changed if one of them does not fit.

    Raises:
        ArtifactError: no checkpoint, damaged, of another format, or of another model.
    """
    names = [f"{name}/{i}" for name, values in variables.items() for i in range(len(values))]
    header, arrays = _read(folder, names)
    places = [variable for values in variables.values() for variable in values]
    for name, variable, array in zip(names, places, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ArtifactError(
                f"{folder / FILE}: {name} ({variable.path}) has shape {array.shape}, the model needs "
                f"{tuple(variable.shape)}; it was written for another model."
            )
    for variable, array in zip(places, arrays, strict=True):
        variable.assign(array)
    return header


def _read(folder: Path, names: Sequence[str]) -> tuple[Header, list[Tensor]]:
    path = folder / FILE
    if not path.exists():
        raise ArtifactError(f"{folder}: expected a checkpoint ({FILE}) written by `scanml train`, found none.")
    try:
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as stored:
            header = from_json(Header, json.loads(bytes(stored["header"])), where=str(path))
            return header, [stored[name] for name in names]
    except _DAMAGES as error:
        raise ArtifactError(
            f"{path}: the checkpoint is damaged or of another kind ({error}); restore or train again."
        ) from error


def _refuse_bomb(path: Path) -> None:
    """Our arrays are stored uncompressed: what unpacks to more than the file holds is not ours."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > path.stat().st_size + _OVERHEAD_BYTES * len(entries):
            raise ValueError("it unpacks to more than its own size")


def load_model(folder: Path) -> SceneNetwork:
    """The model whose checkpoint lies in `folder`, with the running average of its weights, in float32.

    Raises:
        ArtifactError: see `restore`.
    """
    from scanml.models.build import build_model
    from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
    from scanml.training.device import compute_in
    from scanml.training.optimizer import averaged

    header = read_header(folder)
    kind = {"detector": SceneDetectorConfig, "classifier": SceneClassifierConfig}.get(header.task)
    if kind is None:
        raise ArtifactError(f"{folder / FILE}: expected a detector or classifier, found the task {header.task!r}.")
    config: ModelConfig = from_json(kind, {**_fields(header.model), "weights": None}, where=str(folder / FILE))
    with compute_in("float32"):
        model = build_model(config, header.labels)
    restore(folder, {"average": averaged(model)})
    return model


def _fields(values: object) -> dict[str, object]:
    return dict(values) if isinstance(values, Mapping) else {}
