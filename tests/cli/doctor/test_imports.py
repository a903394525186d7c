"""Whatever an import does, the doctor says it and goes on."""

import time

import pytest

from scanml.cli.doctor.imports import check_imports, probe_all


def by_name(checks):
    return {check.name: check for check in checks}


def test_what_works_is_told_with_its_devices(fakes):
    checks = by_name(check_imports(fakes[1]))
    assert checks["TensorFlow"].found.startswith("2.99 with keras 3.99 works, no GPU")
    assert checks["JAX"].found == "0.99 works, Card 9"
    assert checks["cv2"].found == "5.99 works"
    assert checks["MLflow store"].level == "ok"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libGL.so.1: cannot open')", "ImportError: libGL.so.1: cannot open"),
        ("import os; os.abort()", "crashed by SIGABRT"),
        ("import sys; sys.exit(1)", "failed without a word"),
        ("import sys; sys.exit(0)", "gave no answer"),
        ("import os; os.write(2, b'\\xff\\n'); raise SystemError('é' * 1000)", "SystemError"),
        ("import numpy_that_is_not_there", "No module named 'numpy_that_is_not_there'"),
    ],
)
def test_a_broken_import_is_a_problem_and_the_others_are_asked_all_the_same(fakes, code, words):
    (fakes[0] / "tensorflow.py").write_text(code)
    checks = by_name(check_imports(fakes[1]))
    assert checks["TensorFlow"].level == "problem"
    assert words in checks["TensorFlow"].found and len(checks["TensorFlow"].found) < 400
    assert checks["TensorFlow"].remedy
    assert checks["cv2"].level == "ok"


def test_a_hanging_import_is_ended_with_its_children(fakes):
    marker = fakes[0] / "alive"
    child = f"import time; time.sleep(3); open({str(marker)!r}, 'w')"
    (fakes[0] / "cv2.py").write_text(
        f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)"
    )
    probed = probe_all(["cv2"], fakes[1], seconds=2)
    assert probed["cv2"].failure == "no answer within 2 s"
    time.sleep(2)
    assert not marker.exists()


def test_a_module_in_the_working_directory_is_not_taken_for_the_real_one(fakes, tmp_path, monkeypatch):
    (tmp_path / "cv2.py").write_text("raise ImportError('not me')")
    monkeypatch.chdir(tmp_path)
    assert probe_all(["cv2"], fakes[1], seconds=60)["cv2"].failure == ""


def test_a_card_that_is_not_used_and_its_precision(fakes):
    (fakes[0] / "tensorflow.py").write_text(
        (fakes[0] / "tensorflow.py").read_text()
        + """
gpu = types.SimpleNamespace(name="/gpu:0")
config.list_physical_devices = lambda kind: [gpu]
config.experimental = types.SimpleNamespace(
    get_device_details=lambda gpu: {"device_name": "Card 9", "compute_capability": (7, 5)}
)
"""
    )
    checks = by_name(check_imports(fakes[1]))
    assert checks["TensorFlow"].found.endswith("works, Card 9")
    assert checks["precision"].found == "float32, mixed_float16"  # 7.5 has no bfloat16


def test_a_server_that_is_not_there_is_a_problem(fakes):
    environment = fakes[1] | {"MLFLOW_TRACKING_URI": "http://me:secret@127.0.0.1:9"}  # discard: nobody listens
    check = by_name(check_imports(environment))["MLflow store"]
    assert check.level == "problem" and "Connection refused" in check.found
    assert "secret" not in str(check)
