"""What evaluate refuses before a model is loaded."""

import numpy as np
import pytest
from oracles.data_folder import write_folder

from scanml.datasets import load_folder, write_shards
from scanml.errors import ArtifactError
from scanml.models.config import SceneDetectorConfig
from scanml.steps import evaluate
from scanml.steps.experiment import Experiment
from scanml.structures import LabelSpace
from scanml.training.checkpoint import Header, save

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig(size="tiny", image_size=(64, 64)))


@pytest.fixture
def shards(tmp_path, finish):
    """A step's output with shards of the classes "cat" and "dog"."""
    data = load_folder(write_folder(tmp_path / "raw", train=2, val=1, test=1))
    for split in data:
        write_shards(split, tmp_path / "extract" / "shards" / split.name, shard_megabytes=1)
    finish(tmp_path / "extract", "extract")
    return tmp_path / "extract"


def trained(folder, finish, *names):
    """The output of a training on classes of these names."""
    labels = LabelSpace(names, tuple(range(1, len(names) + 1)))
    header = Header("detector", {}, labels, {}, "0123", ("a",), 1, finished=True)
    save(folder / "checkpoint", header, {"average": [np.zeros(1)]})
    finish(folder, "train", task="detector")
    return folder


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("cat", "dog", "cup"), r"only the model knows \['cup'\]\. Train"),
        (("dog",), r"only the shards know \['cat'\]\. Train"),
        (("cat", "hound"), r"only the model knows \['hound'\], only the shards know \['dog'\]"),
    ],
)
def test_a_label_map_that_changed_since_training_is_refused_by_its_names(tmp_path, shards, finish, names, message):
    model = trained(tmp_path / "model", finish, *names)
    with pytest.raises(ArtifactError, match=message) as refused:
        evaluate.run(EXPERIMENT, {"model": model, "shards": shards}, tmp_path / "out")
    assert f"{model}: was trained on other class names than {shards} have" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_the_same_names_in_another_order_are_the_same_names(tmp_path, shards, finish):
    model = trained(tmp_path / "model", finish, "dog", "cat")
    with pytest.raises(ArtifactError, match="checkpoint is damaged or of another kind"):  # it has no weights
        evaluate.run(EXPERIMENT, {"model": model, "shards": shards}, tmp_path / "out")
