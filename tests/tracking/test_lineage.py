"""From a version back to its data, in a store with runs written by hand."""

import json

import pytest

from scanml.errors import ArtifactError
from scanml.tracking import MlflowTracker, lineage, recording
from scanml.tracking.lineage import FINGERPRINT_TAG, IMAGES_TAG
from scanml.tracking.mlflow_store import connect


@pytest.fixture
def write(store, tmp_path):
    """Writes the run of a step that made `made` of `read`, (name, fingerprint) pairs; its id."""

    def write(step, made, *read, parent=None, tags=None):
        tracker = MlflowTracker.start(
            store, experiment="lineage", run_name=step, parent_run_id=parent, unsent=tmp_path / "unsent"
        )
        with recording(tracker):
            for name, fingerprint in read:
                tracker.log_dataset(name, fingerprint, source=f"/out/{name}")
            tracker.set_tags({FINGERPRINT_TAG: made, **(tags or {})})
        return tracker.run_id

    return write


@pytest.fixture
def trace(store):
    """The lineage of a version that the run `run_id` has registered, as the model `name`."""

    def trace(name, run_id):
        client = connect(store)
        client.create_registered_model(name)
        version = client.create_model_version(name, "nowhere", run_id)
        return lineage(store, name, int(version.version))

    return trace


def told(found):
    return [(depth, ancestor.name, ancestor.run.step if ancestor.run else None) for depth, ancestor, _ in found.walk()]


def test_a_chain_ends_at_what_no_run_has_made(write, trace):
    write("extract", "chain-shards", ("data", "chain-data"), tags={f"{IMAGES_TAG}test": "9 images abc"})
    write("train", "chain-model", ("shards", "chain-shards"))
    found = trace("chain", write("register", "chain-end", ("bundle", "chain-model")))
    assert told(found) == [(1, "bundle", "train"), (2, "shards", "extract"), (3, "data", None)]
    assert found.inputs[0].inputs[0].run.images == {"test": "9 images abc"}
    assert str(found).splitlines()[-2:] == ["      data chain-data ← /out/data", "      test: 9 images abc"][::-1]


def test_a_circle_is_walked_once(write, trace):
    """No step makes one, but a store is written by many."""
    write("first", "circle-a", ("b", "circle-b"))
    write("second", "circle-b", ("a", "circle-a"))
    found = trace("circle", write("register", "circle-end", ("a", "circle-a")))
    assert told(found) == [(1, "a", "first"), (2, "b", "second"), (3, "a", None)]
    assert str(found).count("circle-a") == 2


def test_of_several_that_made_it_the_one_of_the_same_parent_counts(write, trace):
    ours = write("train", "twice-model", parent="parent-of-ours")
    write("train", "twice-model", parent="parent-of-others")
    found = trace("twice", write("register", "twice-end", ("bundle", "twice-model"), parent="parent-of-ours"))
    assert found.inputs[0].run.run_id == ours


def test_what_the_store_does_not_know_is_named(write, store):
    with pytest.raises(ArtifactError, match="MLflow store"):
        lineage(store, "never-registered", 1)
    client, gone = connect(store), "0" * 32
    client.create_registered_model("orphan")
    client.create_model_version("orphan", "nowhere", gone)
    with pytest.raises(ArtifactError, match=f"MLflow store .*{gone}"):
        lineage(store, "orphan", 1)


def test_a_source_that_another_tracker_has_written_stays_as_it_is(write, store, trace):
    from mlflow.entities import Dataset, DatasetInput

    run_id = write("register", "foreign-end")
    foreign = [DatasetInput(Dataset(name, name * 9, "other", text)) for name, text in (("a", "a place"), ("b", "[1]"))]
    connect(store).log_inputs(
        run_id, [*foreign, DatasetInput(Dataset("c", "c" * 9, "s3", json.dumps({"uri": "s3://b"})))]
    )
    assert {ancestor.source for ancestor in trace("foreign", run_id).inputs} == {"a place", "[1]", "s3://b"}
