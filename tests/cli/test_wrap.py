"""`scanml wrap`: words, files that are there, mistakes."""

import os

import pytest
import yaml

from scanml.cli import main
from scanml.cli.texts import WRAPPERS as TEXTS
from scanml.cli.wrap import WRAPPERS

CRONJOB = ["cronjob", "--schedule", "@daily", "--data", "pvc://photos", "--output", "pvc://runs"]


def wrap(*words, out):
    return main(["wrap", *words, "--config", "detect", "--image", "scanml:1", "--out", str(out)])


def test_every_target_has_its_text():
    assert set(WRAPPERS) == set(TEXTS)


@pytest.mark.parametrize("target", TEXTS)
def test_help_teaches_by_an_example_that_works(target, capsys, tmp_path, monkeypatch):
    with pytest.raises(SystemExit):
        main(["wrap", target, "--help"])
    assert f"scanml wrap {target}" in capsys.readouterr().out.split("example:")[1]
    monkeypatch.chdir(tmp_path)
    example = TEXTS[target].example.replace("\\\n", " ").replace("scanml ", "", 1)
    import shlex

    assert main(shlex.split(example)) == 0
    assert (tmp_path / "deploy" / f"{target}.yaml").is_file()


@pytest.mark.parametrize("words", [["kubeflow"], CRONJOB])
def test_overrides_are_settled_in_the_file(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SCANML_SET", "train.steps=321")
    assert wrap(*words, "--set", "train.seed=77", out=tmp_path / "new" / "out") == 0
    path = tmp_path / "new" / "out" / f"{words[0]}.yaml"
    assert capsys.readouterr().out == f"{path}\n"
    text = path.read_text()
    assert '"steps": 321' in text and '"seed": 77' in text
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("words", [["kubeflow"], CRONJOB])
def test_a_password_is_written_into_no_file(words, tmp_path, capsys):
    assert wrap(*words, "--track", "http://me:secret@mlflow:5000", out=tmp_path) == 2
    said = capsys.readouterr().err
    assert "MLFLOW_TRACKING_PASSWORD" in said and "secret" not in said.replace("Secret", "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_differs_stays(tmp_path, capsys):
    assert wrap(*CRONJOB, out=tmp_path) == 0
    before = (tmp_path / "cronjob.yaml").read_bytes()
    assert wrap(*CRONJOB, out=tmp_path) == 0  # the same: nothing to do
    assert wrap(*CRONJOB, "--set", "train.steps=3", out=tmp_path) == 2
    assert "is there and differs" in capsys.readouterr().err
    assert (tmp_path / "cronjob.yaml").read_bytes() == before


def test_runs_can_name_a_champion(tmp_path):
    assert wrap("kubeflow", "--champion", out=tmp_path) == 0
    spec = yaml.safe_load((tmp_path / "kubeflow.yaml").read_text())
    assert {"data", "champion"} <= set(spec["root"]["inputDefinitions"]["parameters"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*CRONJOB[:-1], "out/"], "--output: expected pvc://CLAIM/PATH"),
        ([*CRONJOB, "--schedule", "at noon"], "--schedule"),
        (["kubeflow", "--image", "no image"], "--image"),
    ],
)
def test_a_mistake_is_2_and_writes_nothing(words, message, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["wrap", *words[:1], "--config", "detect", "--image", "scanml:1", "--out", str(out), *words[1:]]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert wrap(*CRONJOB, out=tmp_path / "file" / "out") == 2
    assert "cannot be written" in capsys.readouterr().err
