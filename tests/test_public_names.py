"""Every public name exists, is documented, and is where its stub says."""

import importlib
import inspect

import pytest

PACKAGES = (
    "datasets",
    "evaluation",
    "export",
    "losses",
    "markers",
    "metrics",
    "models",
    "pipelines",
    "serving",
    "steps",
    "structures",
    "tracking",
    "training",
    "wrappers",
)
NAMES = [(package, name) for package in PACKAGES for name in importlib.import_module(f"scanml.{package}").__all__]


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_public_name_exists_and_is_documented(package, name):
    value = getattr(importlib.import_module(f"scanml.{package}"), name)
    if inspect.isfunction(value) or inspect.isclass(value) or inspect.ismodule(value):
        text = inspect.getdoc(value) or ""
        assert text and not text.startswith(f"{name}("), f"scanml.{package}.{name} has no docstring of its own"


def test_the_readme_names_are_public():
    from scanml.datasets import load_coco
    from scanml.evaluation import evaluate
    from scanml.models import SceneDetectorConfig
    from scanml.training import TrainConfig, train

    assert all(map(callable, (load_coco, evaluate, train, SceneDetectorConfig, TrainConfig)))
