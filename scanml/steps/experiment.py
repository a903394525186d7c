"""An experiment: everything chosen, in one value. A Python file defines `config() -> Experiment`."""

from __future__ import annotations

import json
import re
import runpy
import traceback
import typing
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path

import scanml
from scanml import config as configs
from scanml.datasets.config import DataConfig
from scanml.errors import ConfigError
from scanml.export.config import ExportConfig
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.structures.batches import TASKS, Task
from scanml.training.config import TrainConfig

SMOKE_IMAGES, SMOKE_UPDATES, SMOKE_RESAMPLES = 16, 2, 20


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A metric of the test set must reach `floor` and may not fall more than `max_drop` below the baseline's.

    The drop is judged with 95 % confidence, paired by image; without a baseline only the floor counts.
    """

    metric: str
    floor: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        configs.check_fields(self)
        if self.floor is None and self.max_drop is None:
            raise ConfigError(f"Rule on {self.metric!r} needs a floor, a max_drop or both; it has neither.")
        if self.max_drop is not None and self.max_drop < 0:
            raise ConfigError(f"Rule.max_drop must be at least 0, received {self.max_drop}.")


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """The rules for each model that an experiment trains."""

    detector: tuple[Rule, ...] = (Rule(metric="AP50", floor=0.3, max_drop=0.02),)
    classifier: tuple[Rule, ...] = (Rule(metric="mAP", floor=0.3, max_drop=0.02),)

    def __post_init__(self) -> None:
        configs.check_fields(self)

    def rules(self, task: str) -> tuple[Rule, ...]:
        """The rules of one task."""
        return self.detector if task == "detector" else self.classifier


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How intervals are measured."""

    num_resamples: int = 1000  # the usual choice for percentile intervals (Efron & Tibshirani 1993)
    seed: int = 0

    def __post_init__(self) -> None:
        configs.check_fields(self)
        for name, least in (("num_resamples", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"evaluation.{name} must be at least {least}, received {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What one run of the house does. A task without a model config is not trained.

    `classifier_train` is how the classifier is trained where that differs from `train`. `smoke` marks a try of the
    machinery: see `smoke_test`.
    """

    name: str
    data: DataConfig = field(default_factory=DataConfig)
    detector: SceneDetectorConfig | None = None
    classifier: SceneClassifierConfig | None = None
    train: TrainConfig = field(default_factory=TrainConfig)
    classifier_train: TrainConfig | None = None
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    smoke: bool = False

    def __post_init__(self) -> None:
        configs.check_fields(self)
        if not re.fullmatch(r"[\w.-]{1,64}", self.name):
            raise ConfigError(f"Experiment.name must be 1 to 64 letters, digits, _ . or -, received {self.name!r}.")
        if not self.tasks:
            raise ConfigError("an experiment needs a detector, a classifier or both; give at least one model config.")

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that have a model."""
        return tuple(task for task in TASKS if getattr(self, task) is not None)

    def model(self, task: str) -> SceneDetectorConfig | SceneClassifierConfig:
        """The model config of a task that the experiment has."""
        model: SceneDetectorConfig | SceneClassifierConfig = getattr(self, task)
        return model

    def train_config(self, task: str) -> TrainConfig:
        """How the model of `task` is trained."""
        return self.classifier_train or self.train if task == "classifier" else self.train


def smoke_test(experiment: Experiment) -> Experiment:
    """The same experiment on 16 images and 2 updates, to try the machinery; its verdicts are yes, marked `smoke`."""

    def short(train: TrainConfig) -> TrainConfig:
        return replace(train, steps=SMOKE_UPDATES, batch_size=min(train.batch_size, 4), accumulate=1)

    return replace(
        experiment,
        data=replace(experiment.data, limit=SMOKE_IMAGES),
        train=short(experiment.train),
        classifier_train=experiment.classifier_train and short(experiment.classifier_train),
        evaluation=replace(experiment.evaluation, num_resamples=SMOKE_RESAMPLES),
        smoke=True,
    )


def load_experiment(source: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment of a Python file, of its resolved JSON, or of a name that scanml ships ("detect", "scan").

    `overrides` are assignments such as ``train.steps=100``.

    Raises:
        ConfigError: no such file, an error in it, or a field or value that does not exist.
    """
    path = _find(str(source))
    experiment = _from_json(path) if path.suffix == ".json" else _from_python(path)
    return configs.override(experiment, overrides) if overrides else experiment


def shipped() -> dict[str, Path]:
    """The experiments that come with scanml, by name."""
    package = Path(scanml.__file__).parent
    folders = (package / "experiments", package.parent / "experiments")  # installed, or in the source tree
    folder = next((folder for folder in folders if folder.is_dir()), None)
    return {path.stem: path for path in sorted(folder.glob("[a-z]*.py"))} if folder else {}


def _find(source: str) -> Path:
    known = shipped()
    path = known.get(source, Path(source))
    if not path.is_file():
        names = ", ".join(known) or "none"
        raise ConfigError(f"--config {source}: no such file; give an experiment file, or one of scanml's own: {names}.")
    return path


def _from_json(path: Path) -> Experiment:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: expected an experiment as JSON; {error}.") from error
    return configs.from_json(Experiment, values, where=str(path))


def _from_python(path: Path) -> Experiment:
    try:
        names = runpy.run_path(str(path))
        if not callable(names.get("config")):
            raise ConfigError(f"{path}: expected a function config() that returns an Experiment; it defines none.")
        experiment = names["config"]()
    except ConfigError as error:
        raise ConfigError(f"{path}{_line(error, path)}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a user's file can raise, said with its line
        raise ConfigError(f"{path}{_line(error, path)}: {_explain(error)}") from error
    if not isinstance(experiment, Experiment):
        raise ConfigError(f"{path}: config() must return an Experiment, returned {type(experiment).__name__}.")
    return experiment


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


def _explain(error: BaseException) -> str:
    """A misspelt field comes as a TypeError of the dataclass: name the nearest one."""
    found = re.match(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    kind = _dataclasses_in(Experiment).get(found[1]) if found else None
    if found is None or kind is None:
        return f"{type(error).__name__}: {error}"
    return f"{kind.__name__} has no field {found[2]!r}; {configs.nearest(found[2], list(configs.field_types(kind)))}"


def _dataclasses_in(kind: object) -> dict[str, type]:
    """`kind` and all that its fields can hold, by class name."""
    found: dict[str, type] = {}
    parts: Collection[object] = typing.get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        found[kind.__name__] = kind
        parts = configs.field_types(kind).values()
    for part in parts:
        found |= _dataclasses_in(part)
    return found
