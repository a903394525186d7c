"""`scanml sync`: what waits is sent, what cannot be stays, and the exit code tells."""

import pytest

from scanml.cli import main
from scanml.tracking import local_store
from scanml.tracking.journal import UNSENT, Journal
from scanml.tracking.mlflow_store import connect

AWAY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return local_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("scanml.tracking.sender.RETRY_AFTER_SECONDS", 0.0)


def left(place, store, *, name="train", experiment="sync", ended=True):
    """A run that a process has left in `place`; its folder."""
    begin = {"store": store, "run_name": name, "experiment": experiment, "parent": None, "tags": {"a": "b"}}
    journal = Journal.create(place, "begin", begin)
    journal.append("metrics", {"step": 3, "metrics": {"loss": 0.5}}, time_ms=1_700_000_000_123)
    if ended:
        journal.append("end", {"status": "FINISHED"}, time_ms=1_700_000_000_456)
    journal.release()
    return journal.folder


def only_run(store, experiment):
    client = connect(store)
    [run] = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return client, run


def test_runs_arrive_with_their_times_and_the_folder_goes(tmp_path, store, capsys):
    left(tmp_path / "out" / UNSENT, store, experiment="times")
    assert main(["sync", "out"]) == 0
    client, run = only_run(store, "times")
    [metric] = client.get_metric_history(run.info.run_id, "loss")
    assert (metric.value, metric.step, metric.timestamp) == (0.5, 3, 1_700_000_000_123)
    assert (run.info.status, run.info.end_time) == ("FINISHED", 1_700_000_000_456)
    said = capsys.readouterr().out
    assert f"sent   train → run {run.info.run_id}" in said and "1 of 1 runs sent" in said
    assert not (tmp_path / "out" / UNSENT).exists()
    assert main(["sync", "out"]) == 0
    assert "nothing waits in out" in capsys.readouterr().out


def test_one_store_that_is_away_is_asked_once_and_another_gets_its_runs(tmp_path, store, capsys):
    first, second = left(tmp_path / UNSENT, AWAY, name="first"), left(tmp_path / UNSENT, AWAY, name="second")
    left(tmp_path / UNSENT, store, name="other")
    assert main(["sync"]) == 2
    said = capsys.readouterr().out
    assert said.index("left   first") < said.index("left   second") < said.index("sent   other")
    assert said.count("Connection refused") == 1 and f"the store {AWAY} does not answer; it waits in" in said
    assert "1 of 3 runs sent" in said
    assert first.is_dir() and second.is_dir()
    assert main(["sync", "--track", store]) == 0


def test_half_of_a_line_and_no_end_is_a_killed_run(tmp_path, store):
    folder = left(tmp_path / UNSENT, store, experiment="half", ended=False)
    with (folder / "journal.jsonl").open("a") as file:
        file.write('{"kind": "tags", "val')
    assert main(["sync"]) == 0
    run = only_run(store, "half")[1]
    assert (run.info.status, run.info.end_time, run.data.metrics) == ("KILLED", 1_700_000_000_123, {"loss": 0.5})


def test_a_password_comes_from_the_environment_or_the_command_line(tmp_path, store, capsys, monkeypatch):
    left(tmp_path / UNSENT, "http://***@127.0.0.1:9")
    assert main(["sync"]) == 2
    assert "name it with --track URI" in capsys.readouterr().out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    assert main(["sync"]) == 2
    said = capsys.readouterr().out
    assert "Connection refused" in said and "secret" not in said


@pytest.mark.parametrize("line", ["no json", '{"kind": "artifact", "time_ms": 1, "values": {"path": "../../../x"}}'])
def test_a_damaged_or_hostile_run_stays_and_is_named(tmp_path, store, capsys, line):
    (tmp_path / "x").write_text("not for the store")
    folder = left(tmp_path / UNSENT, store, name="hostile", ended=False)
    with (folder / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    left(tmp_path / UNSENT, store, name="sound")
    assert main(["sync"]) == 2
    said = capsys.readouterr().out
    assert "left   hostile" in said and "journal.jsonl" in said and "sent   sound" in said
    assert folder.is_dir()


def test_a_run_that_is_still_written_is_left_in_peace(tmp_path, store, capsys):
    journal = Journal.create(tmp_path / UNSENT, "begin", {"store": store, "run_name": "now"})
    assert main(["sync"]) == 2  # it stays
    assert "busy   now: a process works on it" in capsys.readouterr().out
    journal.release()


def test_a_folder_that_is_not_there_is_named(capsys):
    assert main(["sync", "nowhere"]) == 2
    assert "nowhere: there is no such folder" in capsys.readouterr().err
