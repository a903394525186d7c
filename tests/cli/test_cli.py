"""Words on the command line: usage errors, exit codes, help that teaches, texts that fit the steps."""

import importlib
import json
import subprocess
import sys

import pytest

from scanml.cli import main
from scanml.cli.parser import build_parser
from scanml.cli.step import read_experiment
from scanml.cli.texts import COMMANDS, STEPS

STEP_NAMES = tuple(STEPS)


@pytest.mark.parametrize("name", STEP_NAMES)
def test_the_help_of_a_step_names_what_the_step_reads(name):
    step = importlib.import_module(f"scanml.steps.{name}").STEP
    text = STEPS[name]
    assert (text.inputs, text.optional, text.takes_task) == (step.inputs, step.optional, step.takes_task)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example_of_the_command(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert f"scanml {name}" in capsys.readouterr().out.split("example:")[1]


@pytest.mark.parametrize("words", [[], ["trian"], ["train"], ["demo", "--sed", "1"]])
def test_wrong_usage_is_2(words):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["validate", "--config", "nowhere.py", "--in", "data=empty", "--out", "out"], "nowhere.py: no such file"),
        (["validate", "--config", "detect", "--out", "out"], "--in data=PATH"),
        (["validate", "--config", "detect", "--in", "data", "--out", "out"], "expects NAME=PATH"),
        (["validate", "--config", "detect", "--in", "data=nowhere", "--out", "out"], "nowhere: there is no such"),
        (["validate", "--config", "detect", "--set", "data.limt=3", "--in", "data=empty", "--out", "out"], "'limit'"),
        (["run", "--config", "detect", "--in", "data=nowhere", "--out", "out"], "no such folder"),
        (["run", "--config", "detect", "--out", "out"], "--in data=PATH"),
        (["gate", "--config", "scan", "--in", "candidate=empty", "--out", "out"], "--task detector or classifier"),
        (["predict", "--bundle", "nowhere"], "at least one photo"),
        (["predict", "photo.jpg", "--bundle", "nowhere"], "nowhere"),
        (["predict", "--images", "x.json", "--bundle", "nowhere"], "all of --images"),
        (["recommend", "photo.jpg", "--bundle", "nowhere", "--top", "0"], "--top must be at least 1"),
        (["demo", "--seed", "-1"], "--seed must not be negative"),
        (["register", "--config", "detect", "--in", "bundle=empty", "--out", "out"], "MLFLOW_TRACKING_URI"),
        (["register", "--config", "detect", "--rollback"], "MLFLOW_TRACKING_URI"),
    ],
)
def test_a_mistake_is_2_and_says_the_way_out(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "empty").mkdir()
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("scanml: ") and message in said
    assert not list(tmp_path.glob("out*"))


def empty_data(folder, *, boxes):
    (folder / "images").mkdir(parents=True)
    annotations = [{"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]}] if boxes else []
    values = {
        "images": [{"id": 1, "file_name": "missing.jpg", "width": 4, "height": 4}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cup"}],
    }
    (folder / "instances.json").write_text(json.dumps(values))
    return folder


def test_a_refusal_is_3_or_a_report(tmp_path, capsys, monkeypatch):
    data = empty_data(tmp_path / "data", boxes=True)
    words = ["validate", "--config", "detect", "--in", f"data={data}", "--out", str(tmp_path / "out")]
    assert main(words) == 3
    assert "unknown category id 9" in capsys.readouterr().out
    assert main([*words, "--refusal", "report", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"]["passed"] is False and "missing.jpg" in json.dumps(report["facts"])


def test_the_environment_overrides_too(tmp_path, capsys, monkeypatch):
    data = empty_data(tmp_path / "data", boxes=False)
    monkeypatch.setenv("SCANML_SET", "data.shard_megabytes=3 data.limit=1")
    main(["validate", "--config", "detect", "--in", f"data={data}", "--out", str(tmp_path / "out"), "--json"])
    used = json.loads(capsys.readouterr().out)["settings"]["used"]
    assert (used["shard_megabytes"], used["limit"]) == (3, 1)


@pytest.mark.parametrize(
    ("environment", "words", "blamed"),
    [
        ("train.steps", [], True),
        ("train.steps=7", ["--set", "train.stpes=8"], False),
        ("train.stpes=7", ["--set", "train.steps=8"], True),
        ("'train.steps=7", [], True),
    ],
)
def test_an_override_is_blamed_where_it_stands(environment, words, blamed, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SCANML_SET", environment)
    command = ["validate", "--config", "detect", "--in", f"data={tmp_path}", "--out", str(tmp_path / "out"), *words]
    assert main(command) == 2
    assert (f"SCANML_SET={environment}" in capsys.readouterr().err) is blamed


def test_a_name_that_no_file_can_have_is_2(tmp_path, capsys):
    for command in ("validate", "run"):
        for words in (
            ["--in", f"data={tmp_path}", "--out", f"o/{'a' * 300}"],
            ["--in", f"data={'a' * 300}", "--out", "o"],
        ):
            assert main([command, "--config", "detect", *words]) == 2
            assert "no path that can be used (File name too long)" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["predict", "x.jpg", "--bundle"], ["sync"], ["validate", "--out", "o", "--config"]])
def test_so_is_a_path_that_is_too_long_anywhere_else(words, capsys):
    assert main([*words, "a" * 300]) == 2
    assert capsys.readouterr().err.endswith("a…: File name too long; name a shorter path.\n")


def test_a_sigterm_that_python_drops_is_said_again():
    """What a handler raises inside a destructor is discarded."""
    code = """
import os, signal, time
import scanml.cli as cli
cli._AGAIN_AFTER_SECONDS = 1
cli._prepare_process(quiet=True)
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
Dropped()
time.sleep(30)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=False)
    assert done.returncode == 143


@pytest.mark.parametrize(
    ("words", "litert"), [([], True), (["--format", "litert"], True), (["--format", "saved_model"], False)]
)
def test_the_format_of_an_export_overrides_the_experiment(words, litert):
    command = ["export", "--config", "detect", "--out", "out", "--set", "export.litert=true", *words]
    assert read_experiment(build_parser(command).parse_args(command)).export.litert is litert
