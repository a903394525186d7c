"""What a finished step says of itself: there and back, and every way in which it can be damaged."""

import json
import os
from pathlib import Path

import pytest

from scanml.errors import ArtifactError
from scanml.files import fingerprint_files
from scanml.steps.report import fingerprint_input, read_report, read_verified, write_report
from scanml.structures.reports import GateVerdict, Metric


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def test_a_report_goes_to_json_and_back(folder, finish, tmp_path):
    metrics = {"AP": Metric("AP", 0.5, 0.25, None, 9), "AR": Metric("AR", None, None, None, 0)}
    verdict = GateVerdict(True, ("no: AP",), smoke=True)
    report = finish(
        folder, "gate", task="detector", verdict=verdict, metrics=metrics, facts={"a": [1, None, {"b": "c"}]}
    )
    assert read_report(folder) == report
    (tmp_path / "again").mkdir()
    write_report(tmp_path / "again", report)
    assert read_report(tmp_path / "again") == report
    assert json.loads((folder / "report.json").read_text())["step"] == "gate"


def test_a_damaged_report_is_an_artifact_error(folder, finish):
    finish(folder, "gate")
    path = folder / "report.json"
    path.write_text(path.read_text()[:-40])
    with pytest.raises(ArtifactError, match=r"report\.json"):
        read_report(folder)


def test_a_report_of_another_step_is_refused(folder, finish):
    finish(folder, "gate")
    with pytest.raises(ArtifactError, match="expected the output of `scanml train`, found that of `scanml gate`"):
        read_report(folder, step="train")


def test_a_folder_where_nothing_has_finished_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"there is no report\.json in it"):
        read_report(tmp_path)


@pytest.mark.parametrize(("name", "matters"), [("model", True), ("new file", True), ("page.html", False)])
def test_a_product_that_changed_is_noticed_and_a_page_does_not_matter(folder, finish, name, matters):
    folder.mkdir()
    (folder / "model").write_text("weights")
    report = finish(folder, "train")
    assert read_verified(folder, step="train") == report
    (folder / name).write_text("changed")
    if not matters:
        assert read_verified(folder, step="train") == report
        return
    with pytest.raises(ArtifactError, match="has changed since `scanml train` finished"):
        read_verified(folder, step="train")


def test_a_fingerprint_is_of_names_and_contents_without_hidden_files(tmp_path):
    def write(folder, **files):
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name.replace("dot_", ".")).write_text(text)
        return fingerprint_files(tmp_path / folder)

    same = write("one", a="1", b="2")
    assert write("two", b="2", a="1", dot_hidden="x") == same
    assert len({same, write("three", a="2", b="1"), write("four", a="1", c="2"), write("five", a="1")}) == 4


def test_what_a_linked_folder_holds_counts(tmp_path):
    """Large picture folders are often links."""
    data, pictures = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    pictures.mkdir()
    (pictures / "1.jpg").write_bytes(b"one")
    (data / "images").symlink_to(pictures)
    before = fingerprint_input("data", data)
    (pictures / "1.jpg").write_bytes(b"two")
    assert fingerprint_input("data", data) != before


def test_folders_that_contain_themselves_and_odd_names_have_a_fingerprint(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    before = fingerprint_files(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "more").symlink_to(tmp_path)
    assert fingerprint_files(tmp_path) == before  # nothing new in there, and no end either
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).write_text("b")
    assert fingerprint_files(tmp_path) != before
