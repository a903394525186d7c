"""`--help`, reading an experiment and reading reports cost no framework; importing sets nothing."""

import json
import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "jax", "mlflow", "cv2", "scipy", "matplotlib", "pycocotools")
STEPS = ("validate", "extract", "train", "evaluate", "gate", "export", "register")


def modules_after(code):
    """The heavy packages that are loaded once `code` has run in a new process."""
    script = f"import sys, json\n{code}\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "import scanml",
        "import scanml.datasets, scanml.models, scanml.losses, scanml.evaluation, scanml.training, scanml.steps",
        "from scanml.models import SceneDetectorConfig\nfrom scanml.training import TrainConfig",
        "from scanml.steps import load_experiment\nload_experiment('scan', ['train.steps=3'])",
        "from scanml.pipelines import plan\nimport scanml.steps as s\nplan(s.load_experiment('scan'))",
    ],
)
def test_what_is_only_named_loads_nothing_heavy(code):
    assert modules_after(code) == []


@pytest.mark.parametrize("words", ["--help", "train --help", "recommend --help", "demo --help", "wrap kubeflow --help"])
def test_help_loads_nothing_heavy(words):
    code = f"from scanml.cli import main\ntry:\n    main({words.split()!r})\nexcept SystemExit:\n    pass"
    assert modules_after(code) == []


def test_reading_predictions_loads_no_framework():
    loaded = modules_after("from scanml.evaluation import compare, read_predictions")
    assert not set(loaded) & {"tensorflow", "keras", "jax", "mlflow"}


def test_importing_sets_nothing():
    code = (
        "import os\nbefore = dict(os.environ)\n"
        "import scanml.cli, scanml.steps.train, scanml.pipelines.run, scanml.tracking.registry\n"
        "assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
