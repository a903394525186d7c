import os

import pytest

FAKES = {
    "tensorflow": """
import contextlib, types
__version__ = "2.99"
config = types.SimpleNamespace(list_physical_devices=lambda kind: [], experimental=None)
device = lambda name: contextlib.nullcontext()
ones = lambda shape: 1
nn = types.SimpleNamespace(conv2d=lambda *a: types.SimpleNamespace(numpy=lambda: 1))
""",
    "keras": "__version__ = '3.99'",
    "jax": """
import types
__version__ = "0.99"
class Ones:
    def __matmul__(self, other):
        return types.SimpleNamespace(block_until_ready=lambda: 1)
numpy = types.SimpleNamespace(ones=lambda shape: Ones())
devices = lambda: [types.SimpleNamespace(platform="gpu", device_kind="Card 9")]
""",
    "cv2": "__version__ = '5.99'\nIMREAD_COLOR = 1\nimencode = lambda *a: (1, 1)\nimdecode = lambda *a: 1",
}


@pytest.fixture
def fakes(tmp_path):
    """A folder of modules that go for the frameworks, and the environment in which they are found first."""
    folder = tmp_path / "fakes"
    folder.mkdir()
    for name, text in FAKES.items():
        (folder / f"{name}.py").write_text(text)
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return folder, environment | {"PYTHONPATH": str(folder)}
