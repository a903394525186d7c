"""A step's run in MLflow: settings, data, numbers and files; and a store that is away changes nothing but that."""

import json
import logging
from dataclasses import replace

import pytest

from scanml.config import to_json
from scanml.models.config import SceneDetectorConfig
from scanml.steps.contract import Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment, load_experiment
from scanml.structures.reports import Metric
from scanml.tracking.journal import find_waiting, is_key

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig())


def work(job):
    for name in ("page.html", "kept.txt", "large.bin"):
        (job.folder / name).write_text(name)
    return Outcome(metrics={"AP": Metric("AP", 0.5, None, None, 9)}, artifacts=("kept.txt",))


STEP = Step("writing", ("data",), work, lambda experiment, task: experiment.data)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data.txt").write_text("hello")
    return {"data": tmp_path / "data.txt"}


def test_tracked_steps_write_settings_data_numbers_and_files(tmp_path, data):
    from mlflow.tracking import MlflowClient

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    report = execute(STEP, EXPERIMENT, data, tmp_path / "out", Options(tracking_uri=store))
    client = MlflowClient(store)
    found = client.get_run(report.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["settings.used.limit"] == "0"
    assert found.data.tags["scanml.step"] == "writing"
    assert found.data.tags["scanml.fingerprint"] == report.fingerprint
    assert found.data.metrics["AP"] == 0.5
    assert found.inputs.dataset_inputs[0].dataset.digest == report.inputs["data"]
    files = {file.path for file in client.list_artifacts(report.run_id)}
    assert files == {"experiment.json", "report.json", "page.html", "kept.txt"}
    settled = client.download_artifacts(report.run_id, "experiment.json", str(tmp_path))
    assert load_experiment(settled) == EXPERIMENT
    assert not (tmp_path / "scanml-unsent").exists()


def test_a_store_that_is_away_changes_nothing_but_the_run_id(tmp_path, data, caplog):
    plain = execute(STEP, EXPERIMENT, data, tmp_path / "plain", Options())
    with caplog.at_level(logging.WARNING):
        away = execute(STEP, EXPERIMENT, data, tmp_path / "away", Options(tracking_uri="http://127.0.0.1:9"))
    assert is_key(away.run_id) and plain.run_id is None
    same = {"run_id": None, "seconds": 0.0, "cpu_seconds": 0.0}
    assert json.dumps(to_json(replace(away, **same))) == json.dumps(to_json(replace(plain, **same)))
    [waiting] = find_waiting(tmp_path / "scanml-unsent")
    assert (waiting.name, waiting.folder.name) == ("writing", away.run_id)
    assert caplog.text.count(f"scanml sync {tmp_path / 'scanml-unsent'}") == 1
