"""An experiment as a pipeline value."""

import importlib

import pytest

from scanml.errors import ConfigError
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.pipelines.plan import plan
from scanml.steps.experiment import Experiment, smoke_test
from scanml.structures.pipeline import Node, Pipeline

BOTH = Experiment(name="both", detector=SceneDetectorConfig(), classifier=SceneClassifierConfig())


def test_nodes_run_in_order_and_end_in_the_registry():
    names = [node.name for node in plan(BOTH).nodes]
    assert names[:3] == ["validate", "extract", "train-detector"]
    assert names[-2:] == ["bundle", "register"]
    assert {"train-classifier", "evaluate-classifier", "gate-classifier"} < set(names)


def test_a_task_without_model_has_no_nodes():
    names = [node.name for node in plan(Experiment(name="one", detector=SceneDetectorConfig())).nodes]
    assert not [name for name in names if "classifier" in name]


def test_a_smoke_test_registers_nothing():
    assert [node.name for node in plan(smoke_test(BOTH)).nodes][-1] == "bundle"


def test_a_champion_is_evaluated_and_becomes_the_baseline():
    pipeline = plan(BOTH, champion_tasks=("detector",))
    nodes = {node.name: node for node in pipeline.nodes}
    assert pipeline.inputs == ("data", "champion")
    assert nodes["champion-detector"].inputs == {"model": "champion", "shards": "extract"}
    assert nodes["gate-detector"].inputs["baseline"] == "champion-detector"
    assert "baseline" not in nodes["gate-classifier"].inputs


@pytest.mark.parametrize(
    "node", plan(BOTH, champion_tasks=("detector", "classifier")).nodes, ids=lambda node: node.name
)
def test_every_node_gives_its_step_what_it_reads(node):
    step = importlib.import_module(f"scanml.steps.{node.step}").STEP
    assert set(step.inputs) <= set(node.inputs) <= {*step.inputs, *step.optional}
    assert (node.task is not None) == step.takes_task


def test_a_node_that_reads_what_nobody_makes_is_refused():
    with pytest.raises(ConfigError, match="shards"):
        Pipeline(("data",), (Node("train", "train", {"shards": "shards"}),))
