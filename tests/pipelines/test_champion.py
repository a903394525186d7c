"""What a run settles in its folder, and the password of its store, which is in no file, error or command line."""

import importlib
import json
import os

import pytest

from scanml.cli import whole
from scanml.cli.parser import build_parser
from scanml.cli.step import wanted_tracking_uri
from scanml.errors import ArtifactError
from scanml.models.config import SceneDetectorConfig
from scanml.pipelines.champion import settle
from scanml.pipelines.run import Finished
from scanml.pipelines.state import RunState, read_state, write_state
from scanml.steps.contract import Options
from scanml.steps.experiment import Experiment
from scanml.structures.pipeline import Node
from scanml.tracking import local_store

STORE = "http://me:secret@127.0.0.1:9"
EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig())


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("scanml.tracking.sender.RETRY_AFTER_SECONDS", 0.0)


def test_a_run_goes_on_with_its_store_once_somebody_names_the_password(tmp_path, monkeypatch):
    state = settle(EXPERIMENT, tmp_path, tracking_uri=STORE)
    assert state.tracking_uri == STORE
    assert all(b"secret" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert settle(EXPERIMENT, tmp_path, tracking_uri=STORE) == state
    with pytest.raises(
        ArtifactError, match=r"http://\*\*\*@127.0.0.1:9: its password is not kept; name it with --track"
    ):
        settle(EXPERIMENT, tmp_path, tracking_uri=None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", STORE)
    assert settle(EXPERIMENT, tmp_path, tracking_uri=None) == state


def test_a_local_store_moves_with_the_folder_and_another_one_is_another_run(tmp_path):
    (tmp_path / "a").mkdir()
    write_state(tmp_path / "a", RunState(tracking_uri=local_store(tmp_path / "a"), parent_run_id="abc"))
    (tmp_path / "a").rename(tmp_path / "b")
    assert read_state(tmp_path / "b") == RunState(tracking_uri=local_store(tmp_path / "b"), parent_run_id="abc")
    assert settle(EXPERIMENT, tmp_path / "b", tracking_uri=None).parent_run_id == "abc"
    assert settle(EXPERIMENT, tmp_path / "b", tracking_uri=STORE).parent_run_id != "abc"


def test_an_older_file_is_read(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"store": "", "parent_run_id": "abc"}))
    assert read_state(tmp_path) == RunState(tracking_uri=local_store(tmp_path), parent_run_id="abc")


@pytest.mark.parametrize("text", ["{", "[1]", json.dumps({"store": 3, "parent_run_id": "a"})])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"run\.json: damaged .*remove it"):
        read_state(tmp_path)


def test_a_child_gets_the_store_where_nobody_else_can_read_it(tmp_path, monkeypatch):
    started = {}

    class Child:
        def __init__(self, command, *, env, stdout):
            started.update(command=command, env=env)

        def wait(self):
            return 0

    runs = importlib.import_module("scanml.pipelines.run")  # the package gives that name to the function
    monkeypatch.setattr(runs.subprocess, "Popen", Child)
    monkeypatch.setattr(runs, "read_report", lambda place: "the report")
    node, options = Node("train-detector", "train", {}, "detector"), Options(tracking_uri=STORE, parent_run_id="abc")
    runs._run_in_child(node, EXPERIMENT, {}, tmp_path / "train-detector", options, backend="jax")
    assert "secret" not in " ".join(started["command"])
    words = started["command"][3:]
    parsed = build_parser(words).parse_args(words)
    for name, value in started["env"].items():
        monkeypatch.setenv(name, value)
    assert (wanted_tracking_uri(parsed), parsed.parent_run, os.environ["KERAS_BACKEND"]) == (STORE, "abc", "jax")


def test_no_password_is_printed(tmp_path, capsys):
    whole._show(Finished(tmp_path, RunState(tracking_uri=STORE, parent_run_id="abc"), {}), tmp_path)
    said = capsys.readouterr().out
    assert "http://***@127.0.0.1:9" in said and "secret" not in said
