from types import SimpleNamespace

import pytest

from scanml.errors import ArtifactError
from scanml.tracking import MlflowTracker, ModelRegistry, lineage, recording
from scanml.tracking.mlflow_store import connect
from scanml.tracking.registry import fingerprint_folder


@pytest.fixture(scope="module")
def registry(store):
    return ModelRegistry(store)


@pytest.fixture
def bundle(tmp_path):
    """Writes a small bundle of the given content."""

    def write(content):
        folder = tmp_path / f"bundle-{content}"
        (folder / "scene" / "1").mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        (folder / "scene" / "1" / "saved_model.pb").write_bytes(content.encode() + bytes(range(256)))
        return folder

    return write


def register(registry, folder, name, **more):
    return registry.register(folder, name=name, experiment="register", **more)


def test_champions_come_and_go_in_order(registry, bundle):
    assert registry.champion("order") is None
    for number, content in enumerate("abc", start=1):
        assert register(registry, bundle(content), "order") == number
        assert registry.champion("order") == (number - 1 or None)  # registering promotes nothing
        assert registry.promote("order") == number
    assert registry.promote("order") == 3  # again: nothing moves, nothing is remembered twice
    assert [registry.rollback("order"), registry.rollback("order")] == [2, 1]
    with pytest.raises(ArtifactError, match="no champion before 1"):
        registry.rollback("order")
    assert registry.champion("order") == 1
    assert registry.promote("order") == 3
    assert registry.rollback("order") == 1


def test_the_same_bytes_are_registered_once(registry, bundle, tmp_path):
    first = register(registry, bundle("a"), "once", metrics={"AP@.5": 0.875}, tags={"scanml.version": "1"})
    assert register(registry, bundle("b"), "once") == 2
    assert register(registry, tmp_path / "bundle-a", "once") == first
    version = registry._client.get_model_version_by_alias("once", "challenger")
    assert int(version.version) == first
    assert version.tags["metric.AP_.5"] == "0.875"
    assert version.tags["scanml.version"] == "1"
    assert registry._client.get_run(version.run_id).data.metrics == {"AP_.5": 0.875}


def test_the_champion_comes_back_byte_for_byte(registry, bundle, tmp_path):
    folder = bundle("a")
    version = register(registry, folder, "back")
    out = registry.download("back", version, out=tmp_path / "new" / "back")
    assert fingerprint_folder(out) == fingerprint_folder(folder)
    assert (out / "scene/1/saved_model.pb").read_bytes() == (folder / "scene/1/saved_model.pb").read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["back"]
    with pytest.raises(ArtifactError, match="exists"):
        registry.download("back", version, out=out)
    with pytest.raises(ArtifactError, match="MLflow store"):
        registry.download("back", 99, out=tmp_path / "none")


def test_a_changed_store_is_noticed(registry, bundle, store, tmp_path):
    version = register(registry, bundle("a"), "changed")
    run_id = registry._client.get_model_version("changed", str(version)).run_id
    (tmp_path / "manifest.json").write_text("{ }")
    place = f"model/{fingerprint_folder(tmp_path / 'bundle-a')}/bundle"
    connect(store).log_artifact(run_id, str(tmp_path / "manifest.json"), place)
    with pytest.raises(ArtifactError, match="has changed"):
        registry.download("changed", version, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_mlflow_reads_the_signature(registry, bundle, tmp_path):
    from mlflow.models import Model

    version = registry._client.get_model_version("signed", str(register(registry, bundle("a"), "signed")))
    place = version.source.split(version.run_id + "/artifacts/")[1]
    signature = Model.load(registry._client.download_artifacts(version.run_id, place, str(tmp_path))).signature
    assert signature.inputs.input_names() == ["image_bytes"]
    assert {spec.name: spec.shape for spec in signature.outputs}["boxes"] == (-1, -1, 4)


def test_a_run_given_keeps_the_bundle(registry, bundle, store, tmp_path):
    tracker = MlflowTracker.start(store, experiment="register", run_name="mine", unsent=tmp_path / "unsent")
    with recording(tracker):
        register(registry, bundle("a"), "given", run_id=tracker.run_id)
    assert registry._client.get_model_version("given", "1").run_id == tracker.run_id


def test_a_run_that_comes_later_is_found_by_its_key(registry, bundle, store, tmp_path):
    tracker = MlflowTracker.start(store, experiment="register", run_name="late", unsent=tmp_path / "unsent")
    version = register(registry, bundle("a"), "late", run_id=tracker._journal.key)
    tracker.close()
    assert registry._client.get_model_version("late", str(version)).run_id != tracker.run_id
    assert lineage(store, "late", version).run.run_id == tracker.run_id


def test_what_is_missing_is_named(registry, tmp_path):
    with pytest.raises(ArtifactError, match="no challenger"):
        registry.promote("nothing")
    with pytest.raises(ArtifactError, match="no champion before"):
        registry.rollback("nothing")
    with pytest.raises(ArtifactError, match="found no file"):
        register(registry, tmp_path / "missing", "nothing")


def test_no_password_gets_into_an_error(monkeypatch):
    client = SimpleNamespace(search_registered_models=lambda query: [])
    monkeypatch.setattr("scanml.tracking.registry.connect", lambda uri, **_: client)
    for act in (ModelRegistry.promote, ModelRegistry.rollback):
        with pytest.raises(ArtifactError, match=r"in http://\*\*\*@host") as error:
            act(ModelRegistry("http://me:secret@host"), "nothing")
        assert "secret" not in str(error.value)


def test_killed_between_remembering_and_promoting_the_rollback_is_right(registry, bundle):
    for content in "ab":
        register(registry, bundle(content), "killed")
        registry.promote("killed")
    registry._remember("killed", [1, 2])  # what `promote` to 3 writes before it moves the alias
    assert registry.rollback("killed") == 1
