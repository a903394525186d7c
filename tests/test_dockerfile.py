"""The Dockerfile, read as text: nothing here builds an image.

Its stages, what they install and in which order they copy, and that it agrees with setup.py and the CronJob.
"""

import re
import shlex
from io import BytesIO
from pathlib import Path

import pytest
import setuptools
from dockerfile_parse import DockerfileParser

from scanml.wrappers.cronjob import USER_ID

ROOT = Path(__file__).parents[1]
TARGETS = ("cpu", "gpu")


@pytest.fixture(scope="module")
def stages():
    """The instructions of every stage, by its name."""
    parser = DockerfileParser(fileobj=BytesIO((ROOT / "Dockerfile").read_bytes()))
    found = {}
    for entry in parser.structure:
        if entry["instruction"] == "FROM":
            parent, _, name = entry["value"].partition(" AS ")
            found[name] = [("FROM", parent)]
        elif found and entry["instruction"] != "COMMENT":
            found[name].append((entry["instruction"], entry["value"]))
    return found


@pytest.fixture(scope="module")
def package():
    """What setup.py tells setuptools."""
    told = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **values: told.update(values))
        patch.chdir(ROOT)
        exec(compile((ROOT / "setup.py").read_text(), "setup.py", "exec"), {})
    return told


def with_parents(stages, name):
    """The instructions of a stage, those of the stages that it builds on first."""
    own = stages[name]
    parent = own[0][1]
    return [*(with_parents(stages, parent) if parent in stages else []), *own]


def values(instructions, kind):
    return [value for instruction, value in instructions if instruction == kind]


def installed(instructions):
    """The words of every `pip install`."""
    commands = [shlex.split(part) for run in values(instructions, "RUN") for part in re.split(r"&&", run)]
    return [words[words.index("pip") + 2 :] for words in commands if "pip" in words and "install" in words]


def test_there_is_a_target_for_each_device_and_cpu_is_the_default(stages):
    assert set(TARGETS) <= set(stages)
    assert list(stages)[-1] == "cpu"


def test_every_stage_begins_with_the_one_slim_base_or_with_another_stage(stages):
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^ARG BASE=(.+)$", text, re.M) == ["python:3.11-slim-bookworm"]
    parents = [instructions[0][1] for instructions in stages.values()]
    assert all(parent == "${BASE}" or parent in stages for parent in parents)


@pytest.mark.parametrize("target", TARGETS)
def test_what_runs_is_scanml_without_root_or_tools(stages, target):
    instructions = with_parents(stages, target)
    assert values(instructions, "USER") == [f"{USER_ID}:{USER_ID}"]
    assert values(instructions, "ENTRYPOINT") == ['["scanml"]'] and values(instructions, "CMD") == ['["--help"]']
    [user] = values(instructions, "RUN")  # no pip, no apt: it is all copied
    assert user.startswith(f"useradd --uid {USER_ID} ") and "--create-home --home-dir /work" in user
    assert values(instructions, "WORKDIR") == ["/work"]  # made and owned by useradd: it can be written
    kinds = [kind for kind, _ in instructions]
    assert kinds.index("RUN") < kinds.index("USER")


@pytest.mark.parametrize("target", TARGETS)
def test_the_environment(stages, target):
    text = " ".join(values(with_parents(stages, target), "ENV"))
    for setting in ("PYTHONUNBUFFERED=1", "MLFLOW_DISABLE_TELEMETRY=true", "PATH=/opt/scanml/bin:"):
        assert setting in text
    assert ("NVIDIA_VISIBLE_DEVICES" in text) == (target == "gpu")


@pytest.mark.parametrize("target", TARGETS)
def test_dependencies_are_a_layer_below_code(stages, target):
    """Who changes code alone downloads nothing: what dependencies are made of is setup.py."""
    assert values(stages[target], "COPY") == [
        f"--from=dependencies-{target} /opt/scanml /opt/scanml",
        "--from=code /code /opt/scanml",
    ]
    assert values(with_parents(stages, f"dependencies-{target}"), "COPY") == ["setup.py ./"]


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_installed_is_what_setup_says(stages, package, target):
    [[requirement]] = installed(with_parents(stages, f"dependencies-{target}"))
    named = set(re.fullmatch(r"\.\[([\w,-]+)\]", requirement)[1].split(","))
    assert named <= set(package["extras_require"])
    assert ("gpu" in named) == (target == "gpu")
    assert installed(stages["code"]) == [["--no-deps", "--prefix", "/code", "."]]


def test_setup_works_on_what_the_dependency_stage_has(stages, package):
    """Packages are looked for in the folders that the stage makes."""
    [made] = values(stages["dependencies"], "RUN")
    folders = shlex.split(made.split("&&")[0])[1:]
    assert {folder.split("/")[0] for folder in package["package_dir"].values()} <= set(folders)
    assert {name.split(".")[0] for name in package["packages"]} <= set(folders)


def test_everything_that_is_copied_is_there_and_not_ignored(stages):
    copied = [value.split()[:-1] for name in stages for value in values(stages[name], "COPY") if "--from" not in value]
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignored[0] == "*"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert {name for names in copied for name in names} == kept
    assert all((ROOT / name).exists() for name in kept)
    assert "**/__pycache__" in ignored


def test_no_registry_is_named():
    """Where packages and images come from is the builder's setting."""
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"://|index-url|trusted-host|\b[\w-]+\.(com|org|io)\b", text)
