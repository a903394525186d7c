"""The page, the text for an issue, the exit code."""

import getpass
import json
from pathlib import Path

import pytest

from scanml.cli import main
from scanml.cli.doctor.check import Check
from scanml.cli.doctor.report import hide_private, issue_text, page


@pytest.fixture
def run(fakes, monkeypatch, capsys):
    """Runs the command with fakes for the frameworks."""
    monkeypatch.setenv("PYTHONPATH", fakes[1]["PYTHONPATH"])
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run_it(*words):
        return main(["doctor", *words]), capsys.readouterr().out

    return run_it


def test_a_sound_machine_is_0_and_a_problem_is_2(run, fakes):
    code, said = run()
    assert "TensorFlow" in said and "2.99" in said
    assert code == (2 if "problem" in said.split("```")[0] else 0)
    (fakes[0] / "tensorflow.py").write_text("raise ImportError('broken')")
    code, said = run()
    assert code == 2
    assert "problem  TensorFlow" in said and "Traceback" not in said
    assert said.rstrip().endswith("```") and "PROBLEM TensorFlow: does not load: ImportError: broken" in said


def test_as_json(run, fakes, tmp_path):
    (fakes[0] / "cv2.py").write_text("raise ImportError('broken')")
    code, said = run("--json", "--out", str(tmp_path / "new"))
    report = json.loads(said)
    assert code == 2 and report["passed"] is False
    assert {"name", "found", "level", "remedy"} == set(report["checks"][0])
    assert not (tmp_path / "new").exists()  # nothing is changed


def test_home_and_user_are_not_told(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anna"))
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    check = hide_private(
        Check("x", "/home/anna/runs, /scratch/anna/tmp, /home/annabel, banana", "ok", "see /home/anna.")
    )
    assert check.remedy == "see ~."
    assert check.found == "~/runs, /scratch/USER/tmp, /home/annabel, banana"
    assert "anna" not in hide_private(Check("x", "/home/anna", "ok", "/data/anna")).remedy

    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert hide_private(Check("x", "/home/anna/runs")).found == "~/runs"


def test_the_block_cannot_be_left():
    checks = [Check("a", "ok"), Check("long name", "```bad", "warning", "mend it")]
    assert issue_text(checks).count("```") == 2
    said = page(checks)
    assert "1 warning." in said and "→ mend it" in said
