"""Who becomes a version: a bundle whose every model was judged, in one store, found again when it comes twice."""

import hashlib

import pytest

from scanml.errors import ArtifactError, ConfigError
from scanml.export import Manifest
from scanml.models.config import SceneDetectorConfig
from scanml.steps import register
from scanml.steps.contract import Options
from scanml.steps.experiment import Experiment
from scanml.structures.reports import GateVerdict, Metric
from scanml.tracking import ModelRegistry, local_store

YES = GateVerdict(True, ("yes: all",))
BOTH = {"detector": YES, "classifier": YES}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return local_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def bundle(tmp_path):
    """Writes a whole bundle with these verdicts around a model that is none: the registry never loads it."""

    def bundle(verdicts, *, weights="weights"):
        folder = tmp_path / f"bundle of {weights}"
        (folder / "scene" / "1").mkdir(parents=True)
        (folder / "scene" / "1" / "saved_model.pb").write_text(weights)
        manifest = Manifest(
            versions={},
            config={},
            fingerprints={},
            metrics={"detector": {"AP": Metric("AP", 0.5, None, None, 9), "AR": Metric("AR", None, None, None, 9)}},
            verdicts=verdicts,
            class_names=("cat",),
            category_ids=(1,),
            trigger_names=("sky",),
            thresholds={},
            parity={},
            files={"scene/1/saved_model.pb": hashlib.sha256(weights.encode()).hexdigest()},
        )
        (folder / "manifest.json").write_text(manifest.to_text())
        return folder

    return bundle


def run(name, bundle, out, store, **options):
    experiment = Experiment(name=name, detector=SceneDetectorConfig())
    return register.run(experiment, {"bundle": bundle}, out, Options(store=store, **options))


def test_versions_are_registered_promoted_and_rolled_back(tmp_path, bundle, store):
    experiment, registry = Experiment(name="house", detector=SceneDetectorConfig()), ModelRegistry(store)
    one, two = bundle(BOTH, weights="one"), bundle(BOTH, weights="two")
    first = run("house", one, tmp_path / "a", store)
    assert first.verdict.passed
    assert first.facts == {"model": "house", "version": 1, "alias": "challenger", "store": store}
    assert registry.champion("house") is None
    assert run("house", one, tmp_path / "b", store).facts["version"] == 1  # the same bytes
    assert run("house", two, tmp_path / "c", store).facts["version"] == 2
    assert register.promote(experiment, store, version=1) == registry.champion("house") == 1
    assert register.promote(experiment, store) == registry.champion("house") == 2  # the challenger
    assert register.rollback(experiment, store) == registry.champion("house") == 1
    with pytest.raises(ArtifactError, match="no champion before"):
        register.rollback(experiment, store)


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ({}, "nobody has judged its detector"),
        ({"detector": YES}, "nobody has judged its classifier"),
        (BOTH | {"detector": GateVerdict(True, ("no: AP",), smoke=True)}, "its detector came of a smoke test"),
        (
            BOTH | {"classifier": GateVerdict(False, ("no: mAP 0.1",))},
            "the verdict on its classifier is no: no: mAP 0.1",
        ),
    ],
)
def test_a_bundle_that_was_not_judged_good_is_refused(tmp_path, bundle, store, verdicts, reason):
    report = run("refused", bundle(verdicts), tmp_path / "out", store)
    assert not report.verdict.passed
    assert reason in report.verdict.reasons[0]
    with pytest.raises(ArtifactError, match="no challenger"):
        ModelRegistry(store).promote("refused")


def test_an_output_belongs_to_one_store(tmp_path, bundle, store, finish):
    finish(tmp_path / "out", "register", facts={"store": "sqlite:///elsewhere.db", "version": 7})
    with pytest.raises(ConfigError, match=r"this was registered in sqlite:///elsewhere\.db; choose another --out"):
        run("house", bundle(BOTH), tmp_path / "out", store)


def test_a_store_is_needed(tmp_path):
    with pytest.raises(ConfigError, match="expected an MLflow store: give --track URI"):
        run("house", tmp_path, tmp_path / "out", None)
    assert not (tmp_path / "out.partial").exists()


def test_a_bundle_that_was_edited_is_an_artifact_error(tmp_path, bundle, store):
    folder = bundle(BOTH)
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"yes: all"', '"yes: ALL"'))
    with pytest.raises(ArtifactError, match="has changed since it was written"):
        run("house", folder, tmp_path / "out", store)
