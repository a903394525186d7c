"""The compiled pipeline is one that Kubeflow knows, says what the pipeline value says, and its gates hold."""

import json
import os
import sys

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec
from oracles.compiled_pipeline import run_compiled
from oracles.data_folder import coco

from scanml.cli import main
from scanml.cli.parser import build_parser
from scanml.errors import ConfigError
from scanml.pipelines import plan
from scanml.steps import load_experiment
from scanml.wrappers import kubeflow_yaml

IMAGE = "registry.local/scanml:1"
TASKS = ("detector", "classifier")
UNJUDGED = ["validate", "extract", *(f"{step}-{task}" for task in TASKS for step in ("train", "evaluate", "gate"))]


def compiled(experiment, settled, **options):
    pipeline = plan(experiment, champion_tasks=options.pop("champion_tasks", ()))
    return kubeflow_yaml(pipeline, name=experiment.name, experiment=settled, image=IMAGE, **options)


@pytest.fixture
def spec(experiment, settled):
    return yaml.safe_load(compiled(experiment, settled, tracking_uri="http://mlflow:5000"))


def containers(spec):
    executors = spec["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): e["container"] for name, e in executors.items() if "container" in e}


def test_kubeflow_knows_every_field(spec):
    json_format.ParseDict(spec, PipelineSpec())
    spec["root"]["dag"]["retries"] = 3
    with pytest.raises(json_format.ParseError, match="retries"):
        json_format.ParseDict(spec, PipelineSpec())


def test_the_same_experiment_is_the_same_file(experiment, settled):
    assert compiled(experiment, settled) == compiled(experiment, settled)


@pytest.mark.parametrize("champion_tasks", [(), TASKS])
def test_every_node_is_a_container_that_runs_its_step(experiment, settled, champion_tasks):
    spec = yaml.safe_load(compiled(experiment, settled, champion_tasks=champion_tasks))
    pipeline = plan(experiment, champion_tasks=champion_tasks)
    found = containers(spec)
    assert set(found) == {node.name for node in pipeline.nodes}
    for node in pipeline.nodes:
        container = found[node.name]
        words = [*container["args"][4:], "--config", "x.json", "--track", "x", "--out", "x", "--refusal", "report"]
        parsed = build_parser(words).parse_args(words)  # the command line takes them
        assert (container["image"], parsed.command, getattr(parsed, "task", None)) == (IMAGE, node.step, node.task)
        assert [word.partition("=")[0] for word in parsed.inputs] == list(node.inputs)
    assert set(spec["root"]["inputDefinitions"]["parameters"]) == {*pipeline.inputs, "experiment", "tracking_uri"}


def test_the_experiment_travels_in_the_file(spec, settled):
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["experiment"]["defaultValue"] == settled
    assert parameters["tracking_uri"]["defaultValue"] == "http://mlflow:5000"
    assert "defaultValue" not in parameters["data"]


def test_without_a_store_every_run_names_one(experiment, settled):
    spec = yaml.safe_load(compiled(experiment, settled))
    assert "isOptional" not in spec["root"]["inputDefinitions"]["parameters"]["tracking_uri"]


def test_bundle_and_register_wait_for_every_gate(spec):
    """By structure: they are only in a graph behind the one condition that is behind the other."""
    root, components = spec["root"]["dag"]["tasks"], spec["components"]
    outer = root.pop("condition-1")
    [inner] = components[outer["componentRef"]["name"]]["dag"]["tasks"].values()
    assert set(components[inner["componentRef"]["name"]]["dag"]["tasks"]) == {"bundle", "register"}
    assert set(root) == {"importer", *UNJUDGED}
    conditions = [task["triggerPolicy"]["condition"] for task in (outer, inner)]
    assert conditions == [f"inputs.parameter_values['pipelinechannel--gate-{task}-verdict'] == 'yes'" for task in TASKS]


def test_raw_data_is_read_again_in_every_run(spec):
    tasks = spec["root"]["dag"]["tasks"]
    assert spec["deploymentSpec"]["executors"]["exec-importer"]["importer"]["reimport"] is True
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert not cached & {"validate", "extract"}


FAKE = """\
#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
value = lambda name: words[words.index(name) + 1]
inputs = [w.partition("=")[2] for flag, w in zip(words, words[1:]) if flag == "--in"]
assert all(pathlib.Path(path).exists() for path in inputs), inputs
assert json.loads(pathlib.Path(value("--config")).read_text())["name"] == "scan"
assert value("--track") == "http://mlflow:5000; touch injected" and value("--refusal") == "report"
title = "-".join([words[0], *([value("--task")] if "--task" in words else [])])
out = pathlib.Path(value("--out"))
out.mkdir()
passed = title not in os.environ["REFUSED"].split()
(out / "report.json").write_text(json.dumps({{"verdict": {{"passed": passed}}}}))
"""


def environment(folder, **values):
    """Processes that find `folder`'s scanml before any other, and this Python."""
    return {"PATH": f"{folder}:{os.path.dirname(sys.executable)}:{os.defpath}", "TMPDIR": str(folder), **values}  # noqa: PTH120


@pytest.mark.parametrize(
    ("refused", "ran"),
    [
        ("", [*UNJUDGED, "bundle", "register"]),
        ("gate-detector", UNJUDGED),
        ("gate-classifier", UNJUDGED),
        ("gate-detector gate-classifier", UNJUDGED),
        ("export", [*UNJUDGED, "bundle", "register"]),  # register itself refuses what was refused before it
    ],
)
def test_only_what_every_gate_lets_through_is_bundled(spec, tmp_path, refused, ran):
    scanml = tmp_path / "scanml"
    scanml.write_text(FAKE.format(python=sys.executable))
    scanml.chmod(0o755)
    (tmp_path / "data").mkdir()
    given = {"data": str(tmp_path / "data"), "tracking_uri": "http://mlflow:5000; touch injected"}
    found = run_compiled(spec, given, tmp_path / "run", environment=environment(tmp_path, REFUSED=refused))
    assert sorted(found) == sorted(ran)
    assert not list(tmp_path.rglob("injected"))


def test_a_crash_fails_the_task(spec, tmp_path):
    (tmp_path / "scanml").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "scanml").chmod(0o755)
    with pytest.raises(Exception, match="exit status 1"):
        run_compiled(spec, {"data": str(tmp_path)}, tmp_path / "run", environment=environment(tmp_path))


@pytest.mark.slow
def test_what_the_real_steps_refuse_ends_before_the_bundle(tmp_path):
    """Every step that follows is refused without a crash, and the gate says no."""
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "instances.json").write_text(json.dumps(coco(["missing.jpg"])))
    assert main(["wrap", "kubeflow", "--config", "detect", "--image", IMAGE, "--out", str(tmp_path)]) == 0
    spec = yaml.safe_load((tmp_path / "kubeflow.yaml").read_text())
    given = {"data": str(tmp_path / "data"), "tracking_uri": f"sqlite:///{tmp_path}/mlflow.db"}
    (tmp_path / "bin").mkdir()
    found = run_compiled(spec, given, tmp_path / "run", environment=environment(tmp_path / "bin"))
    assert found == ["validate", "extract", "train-detector", "evaluate-detector", "gate-detector"]
    assert {(tmp_path / "run" / name / "verdict").read_text() for name in found} == {"no"}


def test_without_kfp_the_extra_is_named(experiment, settled, monkeypatch):
    monkeypatch.setitem(sys.modules, "kfp.compiler", None)
    with pytest.raises(ConfigError, match=r"pip install 'scanml\[kubeflow\]'"):
        compiled(experiment, settled)


def test_a_smoke_test_has_nothing_to_register(settled):
    from scanml.steps import smoke_test

    smoke = smoke_test(load_experiment("detect"))
    assert "register" not in containers(yaml.safe_load(compiled(smoke, settled)))
