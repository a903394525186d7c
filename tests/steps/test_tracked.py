"""A step's run in MLflow: settings, data, numbers and files."""

from scanml.models.config import SceneDetectorConfig
from scanml.steps.contract import Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.structures.reports import Metric


def test_tracked_steps_write_settings_data_numbers_and_files(tmp_path):
    from mlflow.tracking import MlflowClient

    def work(job):
        for name in ("page.html", "kept.txt", "large.bin"):
            (job.folder / name).write_text(name)
        return Outcome(metrics={"AP": Metric("AP", 0.5, None, None, 9)}, artifacts=("kept.txt",))

    data, store = tmp_path / "data.txt", f"sqlite:///{tmp_path / 'mlflow.db'}"
    data.write_text("hello")
    step = Step("writing", ("data",), work, lambda experiment, task: experiment.data)
    experiment = Experiment(name="trial", detector=SceneDetectorConfig())
    report = execute(step, experiment, {"data": data}, tmp_path / "out", Options(store=store))
    client = MlflowClient(store)
    found = client.get_run(report.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["settings.used.limit"] == "0"
    assert found.data.tags["scanml.step"] == "writing"
    assert found.data.metrics["AP"] == 0.5
    assert found.inputs.dataset_inputs[0].dataset.digest == report.inputs["data"]
    assert {file.path for file in client.list_artifacts(report.run_id)} == {"report.json", "page.html", "kept.txt"}
