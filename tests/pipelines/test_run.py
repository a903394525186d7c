"""The whole on a small folder: done, done before, refused, killed, and the second model against the first."""

import logging
import signal
import time

import pytest
from oracles.mlflow_server import UnreliableServer

from scanml.datasets.config import DataConfig
from scanml.errors import ArtifactError, ConfigError
from scanml.models.config import SceneDetectorConfig
from scanml.pipelines.run import run
from scanml.steps import register
from scanml.steps.experiment import EvaluationConfig, Experiment, GateConfig, Rule
from scanml.tracking import ModelRegistry, lineage, sender
from scanml.tracking.journal import is_key
from scanml.training.config import TrainConfig

pytestmark = pytest.mark.slow


def experiment(*, floor=0.0, steps=2):
    return Experiment(
        name="small",
        data=DataConfig(test_fraction=0.4),
        detector=SceneDetectorConfig(size="tiny", image_size=(64, 64)),
        train=TrainConfig(steps=steps, batch_size=2),
        evaluation=EvaluationConfig(num_resamples=50),
        gate=GateConfig(detector=(Rule(metric="AP50", floor=floor, max_drop=1.0),)),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def first(world, store, tmp_path_factory):
    """A run that went through."""
    return run(experiment(), world, tmp_path_factory.mktemp("first") / "out", tracking_uri=store)


def test_a_run_registers_a_challenger(first, store):
    assert first.refused is None
    assert first.reports["register"].facts["version"] == 1
    assert ModelRegistry(store).champion("small") is None


def test_again_nothing_is_done(first, world, store, caplog):
    with caplog.at_level(logging.INFO, logger="scanml"):
        again = run(experiment(), world, first.out, tracking_uri=store)
    assert again.was_done and again.reports == first.reports
    assert all("done before" in message for message in caplog.messages)


def test_steps_belong_to_one_parent_run(first, store):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(store)
    parents = {client.get_run(report.run_id).data.tags["mlflow.parentRunId"] for report in first.reports.values()}
    [parent] = parents
    found = client.get_run(parent)
    assert found.info.status == "FINISHED"
    assert found.data.metrics["detector.test_set_evaluations"] == 1
    assert "detector.AP50" in found.data.metrics


def test_other_settings_in_the_same_folder_are_refused(first, world, store):
    with pytest.raises(ConfigError, match="--fresh"):
        run(experiment(steps=3), world, first.out, tracking_uri=store)


def test_a_refused_model_is_not_exported(world, tmp_path):
    finished = run(experiment(floor=1.0), world, tmp_path / "out")
    assert finished.refused == "gate-detector"
    assert list(finished.reports) == ["validate", "extract", "train-detector", "evaluate-detector", "gate-detector"]
    assert not (tmp_path / "out" / "bundle").exists()
    assert (tmp_path / "out" / "mlflow.db").exists()


def test_a_killed_run_goes_on(world, tmp_path, monkeypatch):
    from scanml.steps import evaluate

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "_open_model", die)
        with pytest.raises(KeyboardInterrupt):
            run(experiment(), world, tmp_path / "out")
    assert not (tmp_path / "out" / "evaluate-detector").exists()
    trained = (tmp_path / "out" / "train-detector" / "report.json").stat().st_mtime_ns
    assert run(experiment(), world, tmp_path / "out").refused is None
    assert (tmp_path / "out" / "train-detector" / "report.json").stat().st_mtime_ns == trained
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_model_is_judged_against_the_champion(first, world, store, tmp_path):
    assert register.promote(experiment(), store) == 1
    second = run(experiment(steps=3), world, tmp_path / "out", tracking_uri=store)
    assert "champion-detector" in second.reports
    assert "below the baseline (95 %)" in second.reports["gate-detector"].verdict.reasons[1]
    assert second.reports["register"].facts["version"] == 2
    assert register.promote(experiment(), store) == 2
    assert register.rollback(experiment(), store) == 1
    assert ModelRegistry(store).champion("small") == 1


def test_a_version_leads_back_to_the_data(first, store):
    found = lineage(store, "small", 1)
    steps = {ancestor.run.step: ancestor.fingerprint for _, ancestor, _ in found.walk() if ancestor.run}
    made = {" ".join(filter(None, (r.step, r.task))): r.fingerprint for r in first.reports.values()}
    assert steps == {name: fingerprint for name, fingerprint in made.items() if name != "register"}
    [data] = {ancestor.fingerprint for _, ancestor, _ in found.walk() if not ancestor.run}
    assert data == first.reports["validate"].inputs["data"]


def test_a_store_that_is_away_stops_the_run_only_where_it_must_be_asked(world, tmp_path, monkeypatch):
    """Everything up to the gate is done; who the champion is, only the store knows."""
    for name, seconds in (("RETRY_AFTER_SECONDS", 0.0), ("TRY_AGAIN_SECONDS", 0.1), ("PATIENCE_SECONDS", 60.0)):
        monkeypatch.setattr(sender, name, seconds)
    (tmp_path / "server").mkdir()
    for name in ("FILE_STORE", "ARTIFACT_ROOT", "ARTIFACT_DESTINATION", "SERVE_ARTIFACTS"):
        monkeypatch.setenv(f"_MLFLOW_SERVER_{name}", "")  # set by the server: put back at the end
    server = UnreliableServer(tmp_path / "server")
    server.stop()
    with pytest.raises(ArtifactError, match=r"Connection refused.*give the same command again"):
        run(experiment(), world, tmp_path / "out", tracking_uri=server.uri)
    assert (tmp_path / "out" / "evaluate-detector" / "report.json").exists()
    assert not (tmp_path / "out" / "gate-detector").exists()
    server.start()
    finished = run(experiment(), world, tmp_path / "out", tracking_uri=server.uri)
    assert finished.reports["register"].facts["version"] == 1
    assert is_key(finished.reports["validate"].run_id)
    until = time.monotonic() + 60
    while (tmp_path / "out" / "scanml-unsent").exists() and time.monotonic() < until:
        time.sleep(0.1)
    steps = {ancestor.run.step for _, ancestor, _ in lineage(server.uri, "small", 1).walk() if ancestor.run}
    server.stop()
    assert {"validate", "extract", "train detector", "gate detector", "export"} <= steps
