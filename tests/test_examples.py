"""Every example in a docstring runs and says what it shows."""

import doctest
import importlib
from pathlib import Path

import pytest

import scanml

ROOT = Path(scanml.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(("scanml", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_say_what_they_show(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
