from __future__ import annotations

from pathlib import Path

import pytest
from oracles.tiny_scene import shared_bundle


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory) -> Path:
    """A whole bundle, to be read only."""
    return shared_bundle(tmp_path_factory)
