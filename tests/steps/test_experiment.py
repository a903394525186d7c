"""Experiment files: what is in them, and every way in which they can be wrong."""

import json

import pytest

from scanml.config import to_json
from scanml.errors import ConfigError
from scanml.steps.experiment import (
    SMOKE_IMAGES,
    SMOKE_UPDATES,
    EvaluationConfig,
    Experiment,
    GateConfig,
    Rule,
    load_experiment,
    shipped,
    smoke_test,
)

FILE = """
from scanml.models import SceneDetectorConfig
from scanml.steps.experiment import EvaluationConfig, Experiment, GateConfig
from scanml.training import TrainConfig

def config():
    return Experiment(name="mine", detector=SceneDetectorConfig(size="tiny"), train=TrainConfig(steps=7))
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_file_is_read_and_overridden(write):
    experiment = load_experiment(write(FILE), ["train.steps=9", "detector.size=base"])
    assert (experiment.name, experiment.train.steps, experiment.detector.size) == ("mine", 9, "base")


def test_its_resolved_json_gives_the_same_experiment(write):
    experiment = load_experiment(write(FILE))
    path = write(json.dumps(to_json(experiment)), "mine.json")
    assert load_experiment(path) == experiment


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("steps=7", "stpes=7", r"mine\.py, line 7: TrainConfig has no field 'stpes'; did you mean 'steps'\?"),
        ('name="mine", ', 'nmae="mine", ', r"Experiment has no field 'nmae'; did you mean 'name'\?"),
        ("Experiment(", "Experiment(gate=GateConfig(detektor=()), ", "GateConfig has no field 'detektor'"),
        ("Experiment(", "Experiment(evaluation=EvaluationConfig(sed=1), ", "EvaluationConfig has no field 'sed'"),
        ("def config", "def konfig", "expected a function config"),
        ("return Experiment", "Experiment", "must return an Experiment, returned NoneType"),
        ("def config():", "def config()", "line 6: SyntaxError"),
        ("scanml.steps.", "scanml.stepz.", "ModuleNotFoundError"),
        ("steps=7", "steps=0", "train.steps must be at least 1, received 0"),
        ('name="mine"', 'name="../mine"', "Experiment.name"),
        ('detector=SceneDetectorConfig(size="tiny"), ', "", "needs a detector, a classifier or both"),
    ],
)
def test_a_mistake_in_a_file_is_named(write, before, after, message):
    assert before in FILE
    with pytest.raises(ConfigError, match=message):
        load_experiment(write(FILE.replace(before, after)))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.stpes=3", "no field 'stpes'; did you mean 'steps'"),
        ("augment.mosaic=1", r"did you mean 'train\.augment'\?"),
        ("train.steps=many", "expected int, received 'many'"),
        ("train.steps", "expects field=value"),
        ("classifier.size=tiny", "nothing below it can be set"),
        ("detector.size=huge", "expected one of 'tiny', 'small', 'base', received 'huge'"),
    ],
)
def test_a_wrong_override_is_named(write, assignment, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(write(FILE), [assignment])


def test_a_missing_file_names_what_scanml_ships():
    with pytest.raises(ConfigError, match="detect, scan"):
        load_experiment("nowhere.py")


def test_damaged_json_is_named(write):
    with pytest.raises(ConfigError, match=r"mine\.json"):
        load_experiment(write('{"name": ', "mine.json"))


@pytest.mark.parametrize("name", ["detect", "scan"])
def test_shipped_experiments_load_and_say_what_they_are(name):
    assert load_experiment(name).name == name
    assert shipped()[name].read_text().startswith('"""')


def test_a_smoke_test_is_the_same_experiment_made_short():
    experiment = load_experiment("scan")
    short = smoke_test(experiment)
    assert short.smoke and not experiment.smoke
    assert short.data.limit == SMOKE_IMAGES
    assert short.train_config("detector").steps == short.train_config("classifier").steps == SMOKE_UPDATES
    assert short.detector == experiment.detector and short.gate == experiment.gate


def test_a_task_without_its_own_training_uses_the_common_one():
    experiment = load_experiment("scan")
    assert experiment.train_config("classifier") is experiment.classifier_train
    common = Experiment(name="x", classifier=experiment.classifier)
    assert common.tasks == ("classifier",)
    assert common.train_config("classifier") is common.train


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Rule, {"metric": "AP"}, "needs a floor, a max_drop or both"),
        (Rule, {"metric": "AP", "max_drop": -1}, "max_drop must be at least 0, received -1"),
        (GateConfig, {"detector": ("AP50",)}, r"GateConfig\.detector\[0\]: expected the fields of Rule"),
        (EvaluationConfig, {"num_resamples": 0}, "num_resamples must be at least 1, received 0"),
        (EvaluationConfig, {"seed": -1}, "seed must be at least 0"),
        (Experiment, {"name": 5}, r"Experiment\.name: expected str, received 5"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(kind, fields, message):
    with pytest.raises(ConfigError, match=message):
        kind(**fields)


def test_a_wrong_value_is_blamed_on_the_file_it_is_in(write):
    python = write(FILE.replace('"tiny"', '"huge"'))
    with pytest.raises(ConfigError, match=r"mine\.py, line 7: SceneDetectorConfig\.size: .* received 'huge'"):
        load_experiment(python, ["train.steps=9"])
    with pytest.raises(ConfigError, match=r"mine\.json\.detector\.size: .* received 'huge'"):
        load_experiment(write('{"name": "x", "detector": {"size": "huge"}}', "mine.json"))


@pytest.mark.parametrize("text", ["import sys\nsys.exit(0)\n", "def config():\n    raise SystemExit(0)\n"])
def test_a_file_that_leaves_is_an_error_not_a_success(write, text):
    with pytest.raises(ConfigError, match="SystemExit"):
        load_experiment(write(text))


def test_json_without_end_is_named(write):
    with pytest.raises(ConfigError, match=r"mine\.json"):
        load_experiment(write("[" * 100_000, "mine.json"))
