"""Who becomes a version: a bundle whose every model was judged, in one store, found again when it comes twice."""

import hashlib
import json
from dataclasses import replace

import pytest

from scanml.cli import main
from scanml.config import to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.export import Manifest
from scanml.models.config import SceneDetectorConfig
from scanml.steps import extract, register, validate
from scanml.steps.contract import Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import read_report
from scanml.structures.reports import GateVerdict, Metric
from scanml.tracking import ModelRegistry, local_store

YES = GateVerdict(True, ("yes: all",))
BOTH = {"detector": YES, "classifier": YES}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return local_store(tmp_path_factory.mktemp("store"))


def write_bundle(folder, verdicts, *, weights="weights"):
    """A whole bundle with these verdicts around a model that is none: the registry never loads it."""
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


@pytest.fixture
def bundle(tmp_path):
    """Writes a bundle; see `write_bundle`."""
    return lambda verdicts, weights="weights": write_bundle(
        tmp_path / f"bundle of {weights}", verdicts, weights=weights
    )


def run(name, bundle, out, store, **options):
    experiment = Experiment(name=name, detector=SceneDetectorConfig())
    return register.run(experiment, {"bundle": bundle}, out, Options(tracking_uri=store, **options))


@pytest.fixture(scope="module")
def story(store, world, tmp_path_factory):
    """Real pictures, validated and cut, an export that is none, and its version: (experiment, extract's folder)."""
    folder = tmp_path_factory.mktemp("story")
    experiment, options = Experiment(name="story", detector=SceneDetectorConfig()), Options(tracking_uri=store)

    def work(job):
        write_bundle(job.folder, BOTH)
        return Outcome()

    export = Step("export", ("shards",), work, lambda experiment, _: experiment.name)
    validate.run(experiment, {"data": world}, folder / "validate", options)
    extract.run(experiment, {"data": world, "report": folder / "validate"}, folder / "extract", options)
    execute(export, experiment, {"shards": folder / "extract"}, folder / "bundle", options)
    register.run(experiment, {"bundle": folder / "bundle"}, folder / "register", options)
    return experiment, folder / "extract"


def test_a_version_leads_back_to_its_pictures_by_name(story, store, world):
    experiment, folder = story
    found = register.lineage(experiment, store)
    steps = [ancestor.run.step for _, ancestor, again in found.walk() if ancestor.run and not again]
    assert steps == ["export", "extract", "validate"]
    [extracted] = [ancestor for _, ancestor, _ in found.walk() if ancestor.run and ancestor.run.step == "extract"]
    images = register.images_of(extracted)
    named = {name for pictures in images.values() for name, _ in pictures}
    assert named == {path.name for path in (world / "images").iterdir()}
    facts = read_report(folder).facts
    for split, text in extracted.run.images.items():
        assert text == f"{len(images[split])} images {facts['fingerprints'][split]}"
    assert all(register.images_of(ancestor) is None for _, ancestor, _ in found.walk() if ancestor.name != "shards")


def test_pictures_of_shards_that_moved_or_changed_are_not_named(story, store, tmp_path):
    *_, extracted = [a for _, a, _ in register.lineage(story[0], store).walk() if a.name == "shards"]
    assert register.images_of(replace(extracted, source=str(tmp_path))) is None
    assert register.images_of(replace(extracted, fingerprint="other")) is None


def test_the_command_line_shows_it(story, store, tmp_path, capsys):
    (tmp_path / "experiment.json").write_text(json.dumps(to_json(story[0])))
    words = ["register", "--config", str(tmp_path / "experiment.json"), "--track", store, "--lineage"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "story version 1 ← register, run" in said and "shards" in said and "test: " in said
    assert sum(line.startswith(("train of", "validation of", "test of")) for line in said.splitlines()) == 3
    assert main([*words, "1", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    [splits] = values["images"].values()
    assert sum(map(len, splits.values())) == 24 and values["lineage"]["version"] == 1
    assert main([*words, "999999"]) == 2
    said = capsys.readouterr().err
    assert "MLflow store" in said and "version=999999" in said and "Check the name, the number" in said
    assert "the server runs" not in said


def test_pictures_that_are_elsewhere_are_said_to_be(story, store, tmp_path, capsys, monkeypatch):
    (tmp_path / "experiment.json").write_text(json.dumps(to_json(story[0])))
    monkeypatch.setattr(register, "images_of", lambda ancestor: None)
    assert main(["register", "--config", str(tmp_path / "experiment.json"), "--track", store, "--lineage"]) == 0
    said = capsys.readouterr().out
    assert said.count("pictures of ") == 1
    assert f"the shards are not here; they were read from {story[1]}" in said


def test_a_model_without_versions_has_no_lineage(store):
    with pytest.raises(ArtifactError, match="no version of nobody; register a bundle first"):
        register.lineage(Experiment(name="nobody", detector=SceneDetectorConfig()), store)


@pytest.mark.parametrize("option", ["--lineage", "--promote", "--rollback"])
def test_a_store_that_is_not_there_is_not_built_to_be_read(option, tmp_path, capsys):
    store = f"sqlite:///{tmp_path / 'below' / 'none.db'}"
    assert main(["register", "--config", "detect", option, "--track", store]) == 2
    assert f"MLflow store {store}: there is no such file; check the URI." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_password_gets_into_the_report(tmp_path, bundle, monkeypatch):
    monkeypatch.setattr("scanml.tracking.registry.connect", lambda uri, **_: None)
    monkeypatch.setattr(ModelRegistry, "register", lambda *_, **__: 3)
    report = run("house", bundle(BOTH), tmp_path / "out", "http://me:secret@127.0.0.1:9")
    assert report.facts["store"] == "http://***@127.0.0.1:9"
    assert run("house", tmp_path / "bundle of weights", tmp_path / "out", "http://me:secret@127.0.0.1:9") == report


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
