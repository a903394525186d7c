"""A store that is away, hangs, fails or comes back: the work goes on, everything arrives, nothing twice."""

import logging
import signal
import socket
import subprocess
import sys
import time

import pytest

from scanml.tracking import MlflowTracker, recording, sender
from scanml.tracking.journal import find_waiting, is_key
from scanml.tracking.mlflow_store import connect
from scanml.tracking.sender import send


@pytest.fixture
def unsent(tmp_path):
    return tmp_path / "scanml-unsent"


@pytest.fixture
def work(tmp_path, unsent):
    """A short training with everything that a run can log; `meanwhile` happens after half of it."""

    def work(uri, *, name="train", meanwhile=lambda: None, **more):
        (tmp_path / "report.json").write_text("{}")
        with recording(MlflowTracker.start(uri, experiment="x", run_name=name, unsent=unsent, **more)) as tracker:
            tracker.log_params({"steps": 4})
            tracker.log_dataset("shards", "f" * 16, source="/data")
            for step in range(4):
                if step == 2:
                    meanwhile()
                tracker.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
            tracker.log_artifact(tmp_path / "report.json")
            return tracker.run_id

    return work


def sync(uri, unsent):
    return [send(waiting, uri) for waiting in find_waiting(unsent)]


def forget(server):
    """As a new process would find it: the server answers, what this one meant to send is dropped."""
    server.set("error")
    old = sender.sender_to(server.uri)
    while old._busy:  # a call that hung ends now
        time.sleep(0.01)
    for journal in old._journals:
        journal.release()
    old._journals.clear()
    sender.sender_to.cache_clear()
    server.set("pass")


def check_whole(server, run_id):
    client = connect(server.uri)
    run = client.get_run(run_id)
    history = client.get_metric_history(run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, 1.0 / (step + 1)) for step in range(4)]
    assert run.data.params == {"steps": "4"}
    assert [found.dataset.digest for found in run.inputs.dataset_inputs] == ["f" * 16]
    assert [file.path for file in client.list_artifacts(run_id)] == ["report.json"]
    assert run.info.status == "FINISHED"
    assert run.info.start_time <= history[0].timestamp <= history[-1].timestamp <= run.info.end_time
    same = client.search_runs([run.info.experiment_id], f"tags.`scanml.run_key` = '{run.data.tags['scanml.run_key']}'")
    assert len(same) == 1
    return run


def test_a_server_that_answers_has_everything_at_the_end(server, work, unsent, patient):
    check_whole(server, work(server.uri))
    assert not unsent.exists()


@pytest.mark.parametrize("mode", ["error", "hang", "stop"])
def test_a_server_that_is_away_costs_seconds_and_loses_nothing(server, work, unsent, monkeypatch, caplog, mode):
    monkeypatch.setattr(sender, "PATIENCE_SECONDS", 0.5)
    server.stop() if mode == "stop" else server.set(mode)
    with caplog.at_level(logging.WARNING):
        before = time.time()
        keys = [work(server.uri, name=name) for name in ("first", "second")]
        after = time.time()
    assert all(map(is_key, keys))
    [message] = [record.getMessage() for record in caplog.records if record.name.startswith("scanml")]
    assert f"The run goes on; what it logs waits in {unsent}. Send it later: scanml sync {unsent}" in message
    if mode == "stop":
        server.start()
    forget(server)
    first, second = sync(server.uri, unsent)
    run = check_whole(server, first)
    assert before <= run.info.start_time / 1000 + 0.001 and run.info.end_time / 1000 <= after
    assert run.data.tags["scanml.run_key"] == keys[0]
    assert check_whole(server, second).info.run_name == "second"
    assert not unsent.exists()


def test_a_server_that_hangs_does_not_slow_a_step_that_takes_longer_than_the_patience(server, work, monkeypatch):
    """Nobody waits at the end for one that was silent all the time: counted in waits, not in seconds."""
    monkeypatch.setattr(sender, "PATIENCE_SECONDS", 0.2)
    server.set("hang")
    waited = []

    def meanwhile():
        time.sleep(0.5)
        state = sender.sender_to(server.uri)._state
        monkeypatch.setattr(state, "wait", lambda *_: waited.append(1))

    assert is_key(work(server.uri, meanwhile=meanwhile))
    assert not waited


def test_a_server_that_dies_midway_and_comes_back_gets_the_rest(server, work, unsent, monkeypatch, patient):
    monkeypatch.setattr(sender, "TRY_AGAIN_SECONDS", 0.1)
    alive = sender.sender_to(server.uri)

    def die():
        assert alive.wait(lambda: alive._journals[0].run_id is not None)
        server.stop()
        alive.nudge()

    run_id = work(server.uri, meanwhile=die)
    server.start()
    until = time.monotonic() + 60
    while unsent.exists() and time.monotonic() < until:
        time.sleep(0.05)
    check_whole(server, run_id)


def test_answers_that_are_lost_on_the_way_are_not_sent_twice(server, work, unsent, patient, monkeypatch):
    """The worst moment: the server has done what it was asked, and nobody knows."""
    monkeypatch.setattr(sender, "RETRY_AFTER_SECONDS", 0.0)
    number, lost = 0, True
    while lost:  # the first answer of a run, the second, … until a run needs no more
        number += 1
        server.lose(number)
        run_id = work(server.uri)
        lost = server.lose(0)
        check_whole(server, run_id)
    assert number > 8
    assert not unsent.exists()


def test_a_run_of_the_dead_is_sent_by_the_next_one(server, work, unsent, patient):
    code = """
import os, pathlib, sys
from scanml.tracking import MlflowTracker
unsent = pathlib.Path(sys.argv[1])
tracker = MlflowTracker.start("http://127.0.0.1:9", experiment="x", run_name="dead", unsent=unsent)
tracker.log_metrics({"loss": 0.25}, step=3)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code, str(unsent)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    [waiting] = find_waiting(unsent)
    lines = waiting.folder / "journal.jsonl"
    lines.write_text(lines.read_text().replace("http://127.0.0.1:9", server.uri) + '{"kind": "met')
    work(server.uri)
    client = connect(server.uri)
    [run] = client.search_runs(
        [client.get_experiment_by_name("x").experiment_id], f"tags.`scanml.run_key` = '{waiting.folder.name}'"
    )
    assert (run.info.status, run.data.metrics) == ("KILLED", {"loss": 0.25})
    assert not unsent.exists()


def test_a_child_finds_its_parent_by_the_key(server, work, unsent, patient):
    server.set("error")
    parent = MlflowTracker.start(server.uri, experiment="x", run_name="run", unsent=unsent)
    key = parent.run_id
    parent.close("RUNNING")
    work(server.uri, parent_run_id=key)
    with recording(MlflowTracker.resume(server.uri, key, unsent=unsent)) as again:
        again.log_metrics({"AP": 0.5}, step=0)
    forget(server)
    parent_id, child_id, resumed_id = sync(server.uri, unsent)
    run = connect(server.uri).get_run(parent_id)
    assert is_key(key) and resumed_id == parent_id
    assert (run.data.metrics, run.info.status) == ({"AP": 0.5}, "FINISHED")
    assert check_whole(server, child_id).data.tags["mlflow.parentRunId"] == parent_id


def test_a_run_that_was_deleted_there_stops_no_other(server, work, unsent, caplog, patient):
    alive = sender.sender_to(server.uri)

    def delete():
        assert alive.wait(lambda: alive._journals[0].run_id is not None)
        connect(server.uri).delete_run(alive._journals[0].run_id)

    work(server.uri, name="deleted", meanwhile=delete)
    check_whole(server, work(server.uri))
    assert "It is left in" in caplog.text
    assert [waiting.name for waiting in find_waiting(unsent)] == ["deleted"]


def test_the_clock_runs_before_the_thread_does(monkeypatch):
    """Else a thread that was quick to be busy left nobody waiting for its first answer."""
    quick = sender.Sender("http://127.0.0.1:9")

    class Thread:
        def __init__(self, **_):
            pass

        def start(self):
            quick._busy = True

    monkeypatch.setattr(sender.threading, "Thread", Thread)
    quick.add(object())
    assert quick._patient_until > time.monotonic()


def test_an_unreachable_server_is_named_without_its_password(work, caplog):
    with caplog.at_level(logging.WARNING):
        work("http://me:secret@127.0.0.1:9")
    assert "MLflow store http://***@127.0.0.1:9: Connection refused. Check that" in caplog.text
    assert "secret" not in caplog.text


def test_no_password_is_written_down(work, unsent):
    work("http://me:secret@127.0.0.1:9")
    [waiting] = find_waiting(unsent)
    assert waiting.store == "http://***@127.0.0.1:9"
    assert "secret" not in (waiting.folder / "journal.jsonl").read_text()


def test_a_socket_that_accepts_and_says_nothing_is_left_alone(work, monkeypatch, caplog):
    monkeypatch.setattr(sender, "PATIENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, caplog.at_level(logging.WARNING):
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert is_key(work(uri))
    assert f"MLflow store {uri} does not answer." in caplog.text
