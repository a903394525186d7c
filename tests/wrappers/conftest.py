import json

import pytest

from scanml.config import to_json
from scanml.steps import load_experiment


@pytest.fixture
def experiment():
    """A detector and a classifier."""
    return load_experiment("scan")


@pytest.fixture
def settled(experiment):
    """The experiment as the wrappers get it."""
    return json.dumps(to_json(experiment))
