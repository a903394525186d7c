"""One story, told to the local store and to a real `mlflow server` with PostgreSQL: both must keep it."""

import json
from pathlib import Path

import pytest
from oracles import servers

from scanml.errors import ArtifactError
from scanml.tracking import MlflowTracker, ModelRegistry, count_evaluations, lineage, recording
from scanml.tracking.lineage import FINGERPRINT_TAG, IMAGES_TAG
from scanml.tracking.mlflow_store import connect
from scanml.tracking.registry import fingerprint_folder
from scanml.tracking.stores import is_local, reaching, without_password

CANNOT = servers.why_not()
SKIPPED = pytest.mark.skipif(CANNOT is not None, reason=CANNOT or "")
POSTGRESQL = pytest.param("postgresql", marks=[pytest.mark.slow, SKIPPED])

# step, what it makes, what it reads: a bundle of one model, from its pictures on
STEPS = (
    ("validate", "report1", {"data": "pictures"}),
    ("extract", "shards1", {"data": "pictures", "report": "report1"}),
    ("train detector", "model1", {"shards": "shards1"}),
    ("evaluate detector", "judged1", {"model": "model1", "shards": "shards1"}),
    ("gate detector", "verdict1", {"candidate": "judged1"}),
    ("export", "bundle1", {"detector": "model1", "detector_verdict": "verdict1", "markers": "shards1"}),
    ("register", "registered1", {"bundle": "bundle1"}),
)


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def kept(request, store, tmp_path_factory):
    """The story, told: (store, run id by step)."""
    if request.param == "sqlite":
        yield store, tell(store, tmp_path_factory.mktemp("story"))
        return
    folder = tmp_path_factory.mktemp("servers")
    with servers.postgresql() as database, servers.mlflow_server(folder, database) as uri:
        yield uri, tell(uri, tmp_path_factory.mktemp("story"))


def tell(store, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanml.tracking.sender.PATIENCE_SECONDS", 60.0)
        with recording(MlflowTracker.start(store, experiment="story", run_name="run", unsent=folder)) as parent:
            runs = {"run": parent.run_id}
            for step, makes, reads in STEPS:
                runs[step] = tell_step(store, folder, step, makes, reads, parent=parent.run_id)
    return runs


def tell_step(store, folder, step, makes, reads, *, parent):
    tags = {"scanml.step": step.split()[0]}
    with recording(
        MlflowTracker.start(
            store, experiment="story", run_name=step, parent_run_id=parent, tags=tags, unsent=folder / "unsent"
        )
    ) as tracker:
        for name, fingerprint in reads.items():
            tracker.log_dataset(name, fingerprint, source=f"/out/{fingerprint}")
        if step == "train detector":
            for number in range(50):
                tracker.log_metrics({"loss": 1 / (number + 1), "AP@.5": float("nan")}, step=number * 10)
            (folder / "checkpoint").mkdir()
            (folder / "checkpoint" / "state.npz").write_bytes(bytes(range(256)))
            tracker.log_artifact(folder / "checkpoint")
        if step == "extract":
            tracker.set_tags({f"{IMAGES_TAG}train": "20 images 7777", f"{IMAGES_TAG}test": "4 images 8888"})
        tracker.set_tags({FINGERPRINT_TAG: makes})
        return tracker.run_id


def bundle(folder, content):
    (folder / content / "scene").mkdir(parents=True)
    (folder / content / "scene" / "saved_model.pb").write_text(content)
    return folder / content


def test_numbers_keep_step_and_time_and_files_their_bytes(kept, tmp_path):
    store, runs = kept
    client, run_id = connect(store), runs["train detector"]
    history = client.get_metric_history(run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(n * 10, 1 / (n + 1)) for n in range(50)]
    run = client.get_run(run_id)
    assert run.info.start_time <= history[0].timestamp <= history[-1].timestamp <= run.info.end_time
    back = client.download_artifacts(run_id, "checkpoint/state.npz", str(tmp_path))
    assert Path(back).read_bytes() == bytes(range(256))
    assert json.loads(run.inputs.dataset_inputs[0].dataset.source) == {"uri": "/out/shards1"}


def test_champions_come_and_go(kept, tmp_path):
    store, _ = kept
    registry = ModelRegistry(store)
    for version, content in enumerate(("one", "two"), 1):
        assert registry.register(bundle(tmp_path, content), name="kept", experiment="story") == version
        assert registry.challenger("kept") == registry.promote("kept") == version
    assert registry.register(tmp_path / "one", name="kept", experiment="story") == 1
    assert registry.rollback("kept") == registry.champion("kept") == 1
    back = registry.download("kept", 2, out=tmp_path / "back")
    assert fingerprint_folder(back) == fingerprint_folder(tmp_path / "two")
    with pytest.raises(ArtifactError, match="no champion before 1"):
        registry.rollback("kept")


def test_a_version_leads_back_to_its_pictures(kept, tmp_path):
    store, runs = kept
    folder, run_id = bundle(tmp_path, "walked"), runs["register"]
    version = ModelRegistry(store).register(folder, name="walked", experiment="story", run_id=run_id)
    found = lineage(store, "walked", version)
    assert (found.run.run_id, found.run.parent_run_id) == (run_id, runs["run"])
    makers = {ancestor.fingerprint: ancestor.run and ancestor.run.run_id for _, ancestor, _ in found.walk()}
    assert makers == {makes: runs[step] for step, makes, _ in STEPS[:-1]} | {"pictures": None}
    [extract] = [ancestor for _, ancestor, again in found.walk() if ancestor.fingerprint == "shards1" and not again]
    assert extract.run.images == {"train": "20 images 7777", "test": "4 images 8888"}
    lines = str(found).splitlines()
    assert lines[0] == f"walked version {version} ← {found.run}, of run {runs['run'][:8]}"
    assert lines[1].startswith(f"  bundle bundle1 ← export, run {runs['export'][:8]}, scanml 0.")
    assert sum("train: 20 images 7777" in line for line in lines) == 1
    assert "          data pictures ← /out/pictures" in lines
    assert "shards1" in found._repr_html_()


def test_evaluations_are_counted(kept):
    assert count_evaluations(kept[0], "nothing") == 0


def test_fingerprints_join_runs_without_a_parent_and_prefer_their_own_family(store, tmp_path):
    story = {"folder": tmp_path, "makes": "twice", "reads": {"data": "pictures2"}}
    own = MlflowTracker.start(store, experiment="story", run_name="run", unsent=tmp_path / "unsent")
    mine = tell_step(store, step="extract", parent=own.run_id, **story)
    other = tell_step(store, step="extract", parent=None, **story)
    child = tell_step(store, tmp_path, "register", "r2", {"bundle": "twice"}, parent=own.run_id)
    alone = tell_step(store, tmp_path, "register", "r3", {"bundle": "twice"}, parent=None)
    own.close()
    registry = ModelRegistry(store)
    for content, run_id, maker in (("child", child, mine), ("alone", alone, other)):
        version = registry.register(bundle(tmp_path, content), name="joined", experiment="story", run_id=run_id)
        assert lineage(store, "joined", version).inputs[0].run.run_id == maker


def test_a_circle_ends(store, tmp_path):
    made = tell_step(store, tmp_path, "gate", "ring1", {"a": "ring2"}, parent=None)
    tell_step(store, tmp_path, "train", "ring2", {"b": "ring1"}, parent=None)
    version = ModelRegistry(store).register(bundle(tmp_path, "ring"), name="ring", experiment="story", run_id=made)
    assert str(lineage(store, "ring", version)).endswith("a ring2 ← /out/ring2")


def test_a_version_that_is_not_there_is_named(store):
    with pytest.raises(ArtifactError, match=r"MLflow store .*mlflow\.db: .*nothing"):
        lineage(store, "nothing", 1)


@pytest.mark.parametrize(
    ("uri", "local"),
    [("sqlite:///x.db", True), ("/runs", True), ("file:///x", True), ("http://h:1", False), ("postgresql://h", False)],
)
def test_what_can_hang_is_known(uri, local):
    assert is_local(uri) is local


def test_nothing_is_counted_in_a_store_that_is_not_there(tmp_path):
    with pytest.raises(ArtifactError, match="there is no such file"):
        count_evaluations(f"sqlite:///{tmp_path / 'none.db'}", "nothing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("short.\nmore", ": short. Check that"),
        (" ".join(["sentence"] * 60), f": {' '.join(['sentence'] * 33)} … Check that"),  # 33 * 9 - 1 + 2 ≤ 300
    ],
)
def test_a_long_error_ends_with_a_word(said, shown):
    with pytest.raises(ArtifactError) as caught, reaching("file:///x"):
        raise RuntimeError(said)
    assert shown in str(caught.value)


def test_passwords_are_hidden_wherever_they_are():
    assert without_password("at http://a:b@c/d and postgresql+psycopg2://e@f:1/g") == (
        "at http://***@c/d and postgresql+psycopg2://***@f:1/g"
    )
    assert without_password("http://me:sec@ret@host/a@b") == "http://***@host/a@b"
