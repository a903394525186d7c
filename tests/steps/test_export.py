"""What may not be exported: every refusal comes before a model is loaded, so these models are no models."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from scanml.errors import ArtifactError, ConfigError
from scanml.export.config import ExportConfig
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.steps import export
from scanml.steps.experiment import Experiment
from scanml.structures.reports import GateVerdict

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig(), classifier=SceneClassifierConfig())


@pytest.fixture
def train(tmp_path, finish):
    """Writes a folder as `scanml train` leaves it."""

    def train(name, *, task="detector", weights=b"weights"):
        folder = tmp_path / name
        (folder / "checkpoint").mkdir(parents=True, exist_ok=True)
        (folder / "checkpoint" / "state.npz").write_bytes(weights)
        finish(folder, "train", task=task)
        return folder

    return train


@pytest.fixture
def judge(tmp_path, finish):
    """Writes the verdict of `scanml gate` on a trained folder."""

    def judge(name, trained, *, task="detector", passed=True):
        model = json.loads((trained / "report.json").read_text())["fingerprint"]
        verdict = GateVerdict(passed, (f"{'yes' if passed else 'no'}: AP50 0.400, floor 0.300",))
        finish(tmp_path / name, "gate", task=task, verdict=verdict, facts={"model": model, "judged": passed})
        return tmp_path / name

    return judge


def run(tmp_path, **inputs):
    return export.run(EXPERIMENT, inputs, tmp_path / "bundle")


def test_a_verdict_of_no_is_refused_without_a_product(tmp_path, train, judge):
    model = train("model")
    report = run(tmp_path, detector=model, detector_verdict=judge("verdict", model, passed=False))
    assert not report.verdict.passed
    assert "`scanml gate` refused it: no: AP50 0.400, floor 0.300" in report.verdict.reasons[0]
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["report.json"]


def test_one_no_of_two_is_no(tmp_path, train, judge):
    detector, classifier = train("one"), train("two", task="classifier")
    verdicts = {
        "detector_verdict": judge("yes", detector),
        "classifier_verdict": judge("no", classifier, task="classifier", passed=False),
    }
    report = run(tmp_path, detector=detector, classifier=classifier, **verdicts)
    assert not report.verdict.passed


def test_a_no_that_was_edited_into_a_yes_is_refused(tmp_path, train, judge):
    model = train("model")
    verdict = judge("verdict", model, passed=False)
    path = verdict / "report.json"
    path.write_text(path.read_text().replace('"passed": false', '"passed": true'))
    with pytest.raises(ArtifactError, match="has changed since `scanml gate`"):
        run(tmp_path, detector=model, detector_verdict=verdict)


def test_a_model_that_nobody_has_judged_is_refused(tmp_path, train):
    with pytest.raises(ConfigError, match="needs --in detector_verdict=PATH, the output of `scanml gate`"):
        run(tmp_path, detector=train("model"))
    assert not (tmp_path / "bundle").exists()


def test_a_verdict_on_another_model_is_refused(tmp_path, train, judge):
    verdict = judge("verdict", train("model"))
    with pytest.raises(ArtifactError, match="judges another model"):
        run(tmp_path, detector=train("other", weights=b"other weights"), detector_verdict=verdict)


@pytest.mark.parametrize(("model_task", "verdict_task"), [("classifier", "detector"), ("detector", "classifier")])
def test_a_model_or_verdict_of_another_task_is_refused(tmp_path, train, judge, model_task, verdict_task):
    model = train("model", task=model_task)
    with pytest.raises(ArtifactError, match="judges another model"):
        run(tmp_path, detector=model, detector_verdict=judge("verdict", model, task=verdict_task))


def test_a_checkpoint_that_was_swapped_after_the_gate_is_refused(tmp_path, train, judge):
    model = train("model")
    verdict = judge("verdict", model)
    (model / "checkpoint" / "state.npz").write_bytes(b"better weights")
    with pytest.raises(ArtifactError, match="has changed since `scanml train`"):
        run(tmp_path, detector=model, detector_verdict=verdict)


def test_a_model_that_was_trained_again_needs_another_verdict(tmp_path, train, judge):
    verdict = judge("verdict", train("model"))
    again = train("model", weights=b"better weights")
    with pytest.raises(ArtifactError, match="judges another model"):
        run(tmp_path, detector=again, detector_verdict=verdict)


def test_a_report_that_is_no_verdict_is_refused(tmp_path, train):
    model = train("model")
    with pytest.raises(ArtifactError, match="expected the output of `scanml gate`, found that of `scanml train`"):
        run(tmp_path, detector=model, detector_verdict=model)


def test_a_model_is_needed(tmp_path, judge, train):
    with pytest.raises(ConfigError, match="--in detector=PATH, --in classifier=PATH, or both"):
        run(tmp_path, detector_verdict=judge("verdict", train("model")))


@pytest.mark.parametrize("litert", [False, True])
def test_phones_are_added_where_asked_from_all_the_pictures_that_were_kept(tmp_path, train, judge, monkeypatch, litert):
    model, asked = train("model"), {}
    (model / "samples").mkdir()
    for index in range(11):
        (model / "samples" / f"{index:02d}").write_bytes(b"picture")
    model = train("model")

    def write_bundle(folder, model, origin, *, images, markers, lenses):
        asked["proofs"] = list(images)
        return SimpleNamespace(manifest=SimpleNamespace(fingerprint="0", parity={}))

    def add_phones(bundle, model, images):
        asked["phones"] = list(images)
        return bundle

    monkeypatch.setattr("scanml.export.write_bundle", write_bundle)
    monkeypatch.setattr("scanml.export.add_phones", add_phones)
    monkeypatch.setattr("scanml.models.SceneModel", lambda **models: models)
    monkeypatch.setattr("scanml.training.load_model", lambda path: path)
    experiment = replace(EXPERIMENT, export=ExportConfig(litert=litert))
    inputs = {"detector": model, "detector_verdict": judge("verdict", model)}
    assert export.run(experiment, inputs, tmp_path / "bundle").verdict.passed
    assert len(asked["proofs"]) == 8
    assert ("phones" in asked) == litert and len(asked.get("phones", range(11))) == 11
