"""A training's state in one file, replaced atomically: weights, optimizer, running average and the data position.

    checkpoint/state.npz     header (JSON), then the arrays of `training.step`: weights/0, weights/1, first/0, …

A finished training keeps the average alone, variable by variable: that is the model. Arrays are read without pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scanml.config import from_json, to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.structures.examples import LabelSpace

if TYPE_CHECKING:
    from scanml.datasets.records import Split
    from scanml.models.build import ModelConfig, SceneNetwork
    from scanml.training.config import TrainConfig

FORMAT = 2
FILE = "state.npz"
# What zipfile, NumPy and JSON raise when bytes were changed, by accident or on purpose.
_DAMAGES = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RuntimeError,
    MemoryError,
    ConfigError,
    zipfile.BadZipFile,
    zlib.error,
)
_OVERHEAD_BYTES = 4096  # a zip entry and an array's own header

Arrays = dict[str, list[npt.NDArray[Any]]]  # the state of a training on the host


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
    init: str = ""  # the fingerprint of the checkpoint whose weights it began with
    finished: bool = False
    format: int = FORMAT


def describe(task: str, model: ModelConfig, config: TrainConfig, split: Split, *, init: Path | None) -> Header:
    """The header of a training that has not begun; `init` is the checkpoint folder whose weights it begins with."""
    start = ""
    if init is not None:
        read_header(init)
        start = hashlib.sha256((init / FILE).read_bytes()).hexdigest()[:16]
    return Header(
        task=task,
        model=to_json(model),
        labels=split.labels,
        train=to_json(config),
        data_fingerprint=split.fingerprint,
        trained_on=tuple(split.image_hashes),
        step=0,
        init=start,
    )


def save(folder: Path, header: Header, values: Mapping[str, Sequence[object]]) -> None:
    """Write the arrays `values`, whole or not at all.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    arrays = {f"{name}/{i}": np.asarray(v) for name, several in values.items() for i, v in enumerate(several)}
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
        (folder / f"{FILE}.new").unlink(missing_ok=True)  # half of it would only fill the disk
        raise ArtifactError(f"{folder}: cannot be written ({error.strerror}); free the place.") from error


class Writer:
    """Writes checkpoints while the training goes on, one at a time; `saved` is then called with the file."""

    def __init__(self, folder: Path, saved: Callable[[Path], None]) -> None:
        self.folder, self.saved = folder, saved
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._last: Future[None] | None = None

    def save(self, header: Header, arrays: Arrays) -> None:
        """Begin to write; waits for the one before, and raises what became of it."""
        self.wait()
        self._last = self._pool.submit(self._write, header, arrays)

    def wait(self) -> None:
        """Until the last one is written; an error of it is raised here."""
        if self._last is not None:
            self._last.result()

    def _write(self, header: Header, arrays: Arrays) -> None:
        save(self.folder, header, arrays)
        self.saved(self.folder / FILE)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown()
        if kind is None:
            self.wait()


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
    for name in ("task", "model", "labels", "train", "data_fingerprint", "init"):
        there, here = to_json(getattr(found, name)), to_json(getattr(wanted, name))
        if there != here:
            raise ArtifactError(
                f"{folder}: holds a training with another {name.replace('_', ' ')}{_difference(there, here)}; choose "
                "another folder, or remove this one to start over."
            )
    return found


def _difference(there: object, here: object) -> str:
    """The fields that differ, with both values, where both are objects."""
    if not isinstance(there, Mapping) or not isinstance(here, Mapping):
        return ""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return f" ({', '.join(f'{name}: {there.get(name)} there, {here.get(name)} here' for name in names[:3])})"


def restore(folder: Path, like: Mapping[str, Sequence[Any]]) -> Arrays:
    """The arrays of the checkpoint, by the names and in the shapes of `like`.

    Raises:
        ArtifactError: no checkpoint, damaged, of another format, or of another model.
    """
    names = [f"{name}/{i}" for name, values in like.items() for i in range(len(values))]
    _, arrays = _read(folder, names)
    wanted = [np.asarray(value) for values in like.values() for value in values]
    for name, needed, array in zip(names, wanted, arrays, strict=True):
        if (needed.shape, needed.dtype) != (array.shape, array.dtype):
            raise ArtifactError(
                f"{folder / FILE}: {name} is {array.dtype} {array.shape}, the model needs {needed.dtype} "
                f"{needed.shape}; it was written for another model."
            )
    found = iter(arrays)
    return {name: [next(found) for _ in values] for name, values in like.items()}


def _read(folder: Path, names: Sequence[str]) -> tuple[Header, list[npt.NDArray[Any]]]:
    path = folder / FILE
    if not path.exists():
        raise ArtifactError(f"{folder}: expected a checkpoint ({FILE}) written by `scanml train`, found none.")
    try:
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as stored:
            values = json.loads(bytes(stored["header"]))
            _refuse_format(path, values["format"])
            return from_json(Header, values, where=str(path)), [stored[name] for name in names]
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}); restore it.") from error
    except _DAMAGES as error:
        raise ArtifactError(
            f"{path}: the checkpoint is damaged or of another kind ({error}); restore or train again."
        ) from error


def _refuse_format(path: Path, found: int) -> None:
    if found != FORMAT:
        newer = "a newer scanml wrote it: install that one" if found > FORMAT else "train again"
        raise ArtifactError(f"{path}: a checkpoint of format {found}, this scanml reads {FORMAT}; {newer}.")


def _refuse_bomb(path: Path) -> None:
    """Our arrays are stored uncompressed: what unpacks to more than the file holds is not ours."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > path.stat().st_size + _OVERHEAD_BYTES * len(entries):
            raise ValueError("it unpacks to more than its own size")


def load_model(folder: Path) -> SceneNetwork:
    """The model whose finished checkpoint lies in `folder`, with the running average of its weights, in float32.

    Raises:
        ArtifactError: see `restore`; or its training is not finished.
    """
    from scanml.training.optimizer import averaged

    header = read_header(folder)
    if not header.finished:
        raise ArtifactError(f"{folder}: its training stands at update {header.step}; finish it by the same command.")
    model = new_model(header, where=folder)
    variables = averaged(model)
    for variable, value in zip(variables, restore(folder, {"average": variables})["average"], strict=True):
        variable.assign(value)
    return model


def new_model(header: Header, *, where: Path) -> SceneNetwork:
    """A new model of the kind that `header` describes, in float32.

    Raises:
        ArtifactError: it describes none.
    """
    from scanml.models.build import build_model
    from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
    from scanml.training.device import compute_in

    kind = {"detector": SceneDetectorConfig, "classifier": SceneClassifierConfig}.get(header.task)
    if kind is None:
        raise ArtifactError(f"{where / FILE}: expected a detector or classifier, found the task {header.task!r}.")
    config: ModelConfig = from_json(kind, {**_fields(header.model), "weights": None}, where=str(where / FILE))
    with compute_in("float32"):
        return build_model(config, header.labels)


def _fields(values: object) -> dict[str, object]:
    return dict(values) if isinstance(values, Mapping) else {}
