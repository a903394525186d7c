"""Inputs at URIs: a step's output is known by its report, and fetched for work alone."""

import pytest

from scanml.errors import ArtifactError
from scanml.models.config import SceneDetectorConfig
from scanml.steps.contract import Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.store import Store

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig())


def step(name, *, calls=None, facts=None):
    """Copies its input."""

    def work(job):
        if calls is not None:
            calls.append(name)
        (job.folder / "copy.txt").write_bytes(next(job.inputs["data"].glob("*.txt")).read_bytes())
        return Outcome(facts=facts or {})

    return Step(name, ("data",), work, lambda experiment, _: experiment.data)


def run(work, data, out, **options):
    return execute(work, EXPERIMENT, {"data": data}, out, Options(**options))


@pytest.fixture
def made(bucket):
    """The URI of what a step has made of raw data at another."""
    Store(f"{bucket}/data").write("a.txt", b"hello")
    run(step("first"), f"{bucket}/data", f"{bucket}/first")
    return f"{bucket}/first"


def test_what_a_finished_step_had_read_is_not_fetched_again(made, monkeypatch, tmp_path):
    calls = []
    report = run(step("next", calls=calls), made, tmp_path / "next")
    monkeypatch.setenv("SCANML_SCRATCH", str(tmp_path / "new disk"))
    monkeypatch.setattr(Store, "download", lambda *_: pytest.fail("shards may have gigabytes"))
    assert run(step("next", calls=calls), made, tmp_path / "next") == report
    assert calls == ["next"]


def test_an_input_that_is_made_anew_before_it_is_fetched_is_refused(made, bucket, monkeypatch, tmp_path):
    read, calls = Store.read, []

    def read_then_change(store, name):
        found = read(store, name)
        if store.uri == made and not calls:
            calls.append("changed")
            run(step("first", facts={"another": 1}), f"{bucket}/data", made, fresh=True)
        return found

    monkeypatch.setattr(Store, "read", read_then_change)
    with pytest.raises(ArtifactError, match=f"{made}: was made anew meanwhile; give the same command again"):
        run(step("next", calls=calls), made, tmp_path / "next")
    assert run(step("next", calls=calls), made, tmp_path / "next").verdict.passed
    assert calls == ["changed", "next"]
