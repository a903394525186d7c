"""What a run leaves in MLflow, here in the local store."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow.store.entities import PagedList

from scanml.errors import ArtifactError
from scanml.tracking import MlflowTracker, count_evaluations, local_store, recording
from scanml.tracking.journal import Journal
from scanml.tracking.mlflow_store import connect, search


@dataclass(frozen=True)
class Rates:
    first: float = 0.1


@dataclass(frozen=True)
class Config:
    rates: Rates = Rates()
    sizes: tuple[int, ...] = (1, 2)


@pytest.fixture
def start(store, tmp_path):
    """Begins a run."""

    def start(run_name="one", **more):
        return MlflowTracker.start(store, experiment="tests", run_name=run_name, unsent=tmp_path / "unsent", **more)

    return start


@pytest.fixture
def tracker(start):
    with recording(start()) as tracker:
        yield tracker


def read_run(store, tracker):
    tracker.close()
    return connect(store).get_run(tracker.run_id)


def test_params_are_flat_readable_and_never_too_long(store, tracker):
    tracker.log_params({"config": Config(), "note": "x" * 7000, **{f"p{i}": i for i in range(150)}})
    params = read_run(store, tracker).data.params
    assert params["config.rates.first"] == "0.1"
    assert params["config.sizes"] == "[1, 2]"
    assert len(params["note"]) == 6000
    assert len(params) == 153


def test_metrics_keep_their_steps_and_arrive_at_the_close(store, tracker):
    for step in range(1100):  # more than one call takes
        tracker.log_metrics({"loss": 1.0 / (step + 1), "AP@.5": step}, step=step)
    run = read_run(store, tracker)
    history = connect(store).get_metric_history(tracker.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, 1.0 / (step + 1)) for step in range(1100)]
    assert [metric.timestamp for metric in history] == sorted(metric.timestamp for metric in history)
    assert run.info.start_time <= history[0].timestamp <= history[-1].timestamp <= run.info.end_time
    assert run.data.metrics["AP_.5"] == 1099
    assert run.info.status == "FINISHED"


def test_a_run_that_is_sent_leaves_nothing_behind(tracker, tmp_path):
    tracker.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_keeps_the_first_status(store, tracker):
    tracker.close("FAILED")
    tracker.close()
    assert read_run(store, tracker).info.status == "FAILED"


def test_another_goes_on_with_a_run_that_stays_open(store, start, tmp_path):
    first = start()
    first.close("RUNNING")
    assert connect(store).get_run(first.run_id).info.status == "RUNNING"
    second = MlflowTracker.resume(store, first.run_id, unsent=tmp_path / "unsent")
    second.log_metrics({"loss": 1.0}, step=1)
    assert second.run_id == first.run_id
    assert read_run(store, second).data.metrics == {"loss": 1.0}


def test_lineage_names_the_data(store, tracker):
    tracker.log_dataset("train", "f" * 64, source="s3://me:secret@host/cells")
    used = read_run(store, tracker).inputs.dataset_inputs[0]
    assert (used.dataset.name, used.dataset.digest) == ("train", "f" * 36)
    assert json.loads(used.dataset.source) == {"uri": "s3://***@host/cells"}
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "train")]


def test_files_and_folders_are_stored_beside_the_database(store, tracker, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.html").write_text("<p>")
    (tmp_path / "report.json").write_text("{}")
    tracker.log_artifact(tmp_path / "report.json")
    tracker.log_artifact(tmp_path / "pages")
    with pytest.raises(ArtifactError, match=r"gone.html does not exist"):
        tracker.log_artifact(tmp_path / "gone.html")
    tracker.close()
    back = connect(store).download_artifacts(tracker.run_id, "pages/page.html", str(tmp_path))
    assert Path(back).read_text() == "<p>"
    stored = Path(store.removeprefix("sqlite:///")).parent / "mlartifacts" / tracker.run_id / "artifacts"
    assert sorted(path.name for path in stored.iterdir()) == ["pages", "report.json"]


def test_tags_say_where_it_ran_and_who_called(store, start, tracker):
    child = start("child", parent_run_id=tracker.run_id, tags={"scanml.step": "train"})
    child.set_tags({"note": "x" * 9000})
    tags = read_run(store, child).data.tags
    assert tags["mlflow.parentRunId"] == tracker.run_id
    assert (tags["mlflow.runName"], tags["scanml.step"]) == ("child", "train")
    assert len(tags["note"]) == 8000
    assert "scanml.version.python" in tags


def test_evaluations_are_counted_per_test_set_over_all_experiments(store, tmp_path):
    for experiment, fingerprint, step in [
        ("a", "t1", "evaluate"),
        ("b", "t1", "evaluate"),
        ("a", "t1", "gate"),
        ("a", "t2", "evaluate"),
    ]:
        tags = {"scanml.test_fingerprint": fingerprint, "scanml.step": step}
        MlflowTracker.start(store, experiment=experiment, run_name="x", tags=tags, unsent=tmp_path / "unsent").close()
    assert [count_evaluations(store, name) for name in ("t1", "t2", "t3")] == [2, 1, 0]


def test_a_full_disk_stops_the_tracking_and_nothing_else(tracker, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tracker._journal, "append", full)
    tracker.log_metrics({"loss": 0.5}, step=1)
    tracker.log_metrics({"loss": 0.4}, step=2)
    monkeypatch.undo()
    assert caplog.text.count("No space left on device") == 1
    tracker._writes = True  # so that the fixture need not wait for an end that was not written


def test_a_damaged_run_that_somebody_left_stops_nobody(store, start, tmp_path, caplog):
    left = Journal.create(tmp_path / "unsent", "begin", {"store": store, "run_name": "damaged"})
    with (left.folder / "journal.jsonl").open("a") as file:
        file.write("no json\n")
    left.release()
    tracker = start()
    tracker.log_metrics({"loss": 1.0}, step=1)
    assert read_run(store, tracker).data.metrics == {"loss": 1.0}
    assert "expected an entry of a run" in caplog.text and f"It is left in {left.folder}." in caplog.text
    assert left.folder.is_dir()


def test_a_data_set_says_what_kind_of_place_it_came_from(store, tracker):
    tracker.log_dataset("near", "a" * 16, source="/data/cells")
    tracker.log_dataset("far", "b" * 16, source="s3://bucket/cells")
    kinds = {used.dataset.name: used.dataset.source_type for used in read_run(store, tracker).inputs.dataset_inputs}
    assert kinds == {"near": "local", "far": "s3"}


def test_runs_are_searched_in_more_experiments_than_one_page_has():
    class Client:
        def search_experiments(self, *, view_type, page_token):
            return PagedList([SimpleNamespace(experiment_id=page_token or "1")], {None: "2", "2": "3"}.get(page_token))

        def search_runs(self, ids, query, view_type, *, page_token):
            return PagedList([f"{query} in {' '.join(ids)}"], None)

    assert list(search(Client(), "all")) == ["all in 1 2 3"]


def test_processes_may_make_one_store_together(tmp_path):
    code = f"from scanml.tracking.mlflow_store import connect; connect({local_store(tmp_path / 'new')!r})"
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]


def test_a_local_store_that_cannot_be_made_is_named_before_anything_is_done(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match=r"file/mlflow\.db"):
        MlflowTracker.start(local_store(tmp_path / "file"), experiment="x", run_name="x", unsent=tmp_path / "unsent")
    (tmp_path / "mlflow.db").write_text("this is not a database, but it is long enough to be looked at" * 100)
    with pytest.raises(ArtifactError, match=r"mlflow.db: .*not a database"):
        connect(local_store(tmp_path))
    assert not (tmp_path / "unsent").exists()


def test_a_new_database_is_built_aside(tmp_path):
    """A process that is killed while MLflow makes its tables leaves nothing that a later one would stumble over."""
    (tmp_path / ".mlflow.db.new").write_text("half of one, left by a killed process")
    connect(local_store(tmp_path)).search_experiments()
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", ".mlflow.db.lock"}
