"""Every notebook runs from top to bottom and shows pictures; none is committed with what it showed."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LONGEST_CELL_S = 600  # on a machine that does other things too; usually the longest cell needs one minute
SLOW = {"02_detector_from_training_to_prediction"}


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * (p.stem in SLOW)) for p in NOTEBOOKS]
)
def test_a_notebook_runs_and_shows_pictures(path, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=LONGEST_CELL_S, kernel_name="python3", resources=where).execute()
    shown = [output.data for output in outputs(notebook) if "data" in output]
    assert sum("image/png" in data for data in shown) >= 3
    assert any("<table>" in data.get("text/html", "") for data in shown)
    assert not list(tmp_path.iterdir()), "a notebook cleans up after itself"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_what_it_showed(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not outputs(notebook)
    assert all(cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_nothing(path):
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert not {"def", "class", "lambda"} & set(source.split())


def test_there_are_notebooks_each_with_a_number_of_its_own():
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert all(map(str.isdigit, numbers)) and len(set(numbers)) == len(numbers) >= 4
