"""`python -m benchmarks`: lists without importing, survives a failure, says what was skipped, ends in one table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # where only the package is installed

from benchmarks.__main__ import FOLDER, find_benchmarks, main  # noqa: E402

GOOD = '''"""A good one.

More."""
import json, os, pathlib
MINUTES = 0.5
out = pathlib.Path(os.environ["SCANML_BENCHMARK_RESULTS"])
out.mkdir(exist_ok=True)
(out / "good-here.jsonl").write_text(json.dumps({"at": "1", "values": {"speed": 2.5}}))
'''
FAKES = {
    "good": GOOD,
    "broken": '"""Fails when it is imported."""\nMINUTES = 1\nraise SystemExit(7)\n',
    "peerless": '"""Wants what nobody has."""\nMINUTES = 9\nNEEDS = ("no_such_package", "$NO_SUCH/data", "json")\n',
    "silent": '"""Records nothing."""\nMINUTES = 1\n',
    "_helper": "raise SystemExit(8)\n",
}


@pytest.fixture
def folder(tmp_path):
    """A folder of tiny benchmarks."""
    place = tmp_path / "fakes"
    place.mkdir()
    for name, source in {"__init__": "", **FAKES}.items():
        (place / f"{name}.py").write_text(source)
    return place


def test_the_list_says_what_for_how_long_and_what_is_not_here(folder, capsys):
    assert main([], folder=folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["broken", "good", "peerless", "needs", "silent", "all"]
    assert lines[1].split(maxsplit=3) == ["good", "0.5", "min", "A good one."]
    assert lines[3].split(maxsplit=1)[1] == "no_such_package (not here), $NO_SUCH/data (not here), json (here)"
    assert lines[-1].split() == ["all", "11.5", "min"]


def test_a_failure_is_said_the_rest_goes_on_and_the_end_is_one_table(folder, tmp_path, capfd):
    out = tmp_path / "out"
    assert main(["all", "--out", str(out)], folder=folder) == 1
    shown = capfd.readouterr().out
    head, *lines = shown.partition("\n\n")[2].splitlines()
    assert head.split() == ["benchmark", "figure", "measured", "interval,", "n", "target", "reached"]
    assert [" ".join(line.split()) for line in lines] == [
        "broken FAILED with exit code 7",
        "good speed 2.5",
        "peerless skipped, not here: no_such_package, $NO_SUCH/data",
        "silent recorded nothing",
    ]
    assert lines[1].index("2.5") == head.index("measured")
    assert "good: about 0.5 minutes" in shown
    assert [path.name for path in out.iterdir()] == ["good-here.jsonl"]


def test_without_a_failure_it_ends_with_0(folder, tmp_path, capfd):
    assert main(["silent", "silent", "peerless", "--out", str(tmp_path)], folder=folder) == 0
    assert capfd.readouterr().out.count("silent: about") == 1


def test_an_unknown_name_is_refused_with_the_known_ones(folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["god"], folder=folder)
    assert "no benchmark god; known: all, broken, good, peerless, silent" in capsys.readouterr().err


def test_a_benchmark_must_say_how_long_it_takes(folder):
    (folder / "endless.py").write_text('"""Nobody knows."""\n')
    with pytest.raises(SystemExit, match=r"endless\.py: expected MINUTES"):
        find_benchmarks(folder)


def test_each_of_ours_says_what_for_and_how_long():
    found = find_benchmarks(FOLDER)
    assert {"cells", "demo", "parity", "startup"} <= {benchmark.name for benchmark in found}
    for benchmark in found:
        assert benchmark.purpose and benchmark.minutes > 0, benchmark.name


def test_measurements_go_where_the_runner_says(tmp_path):
    script = "from benchmarks._record import record; print(record('try', {'n': 1}, settings={}))"
    environment = os.environ | {"SCANML_BENCHMARK_RESULTS": str(tmp_path / "new")}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True)
    [path] = (tmp_path / "new").iterdir()
    row = json.loads(path.read_text())
    assert row["benchmark"] == "try" and row["values"] == {"n": 1}
