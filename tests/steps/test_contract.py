"""Every step: finished or not, resumed or refused. The steps here do next to nothing, so that the contract shows."""

import fcntl
from dataclasses import replace

import pytest

from scanml.datasets.config import DataConfig
from scanml.errors import ArtifactError, ConfigError, GateError
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.steps.contract import Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import read_report
from scanml.structures.reports import GateVerdict

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig())


def copying_step(*, calls=None, fail_after=None, verdict=None):
    """Copies its input into `copy.txt`; may die after its first half."""

    def work(job):
        if calls is not None:
            calls.append(sorted(path.name for path in job.folder.iterdir()))
        (job.folder / "half.txt").write_text("half")
        if fail_after == "half":
            raise KeyboardInterrupt
        (job.folder / "copy.txt").write_text((job.inputs["data"] / "a.txt").read_text())
        (job.folder / "page.html").write_text("<p>")
        return Outcome(verdict=verdict or GateVerdict(True, ()), facts={"lines": 1})

    return Step("copying", ("data",), work, lambda experiment, task: experiment.data, optional=("extra",))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    return folder


def run(step, data, out, **options):
    return execute(step, EXPERIMENT, {"data": data}, out, Options(**options))


def test_a_finished_step_has_its_report_and_no_partial_folder(tmp_path, data):
    report = run(copying_step(), data, tmp_path / "out")
    assert read_report(tmp_path / "out") == report
    assert report.facts == {"lines": 1}
    assert (tmp_path / "out" / "copy.txt").read_text() == "hello"
    assert not (tmp_path / "out.partial").exists()


def test_a_finished_step_is_not_done_again(tmp_path, data):
    calls = []
    first = run(copying_step(calls=calls), data, tmp_path / "out")
    assert run(copying_step(calls=calls), data, tmp_path / "out") == first
    assert len(calls) == 1


def test_a_killed_step_leaves_no_output_and_finds_its_work_again(tmp_path, data):
    calls = []
    with pytest.raises(KeyboardInterrupt):
        run(copying_step(calls=calls, fail_after="half"), data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    run(copying_step(calls=calls), data, tmp_path / "out")
    assert calls == [[], ["half.txt"]]


def test_other_inputs_are_refused_until_fresh(tmp_path, data):
    run(copying_step(), data, tmp_path / "out")
    (data / "a.txt").write_text("other")
    with pytest.raises(ConfigError, match=r"other inputs.*--fresh"):
        run(copying_step(), data, tmp_path / "out")
    run(copying_step(), data, tmp_path / "out", fresh=True)
    assert (tmp_path / "out" / "copy.txt").read_text() == "other"


def test_other_settings_are_refused_also_for_unfinished_work(tmp_path, data):
    with pytest.raises(KeyboardInterrupt):
        run(copying_step(fail_after="half"), data, tmp_path / "out")
    other = Experiment(name="trial", detector=SceneDetectorConfig(), data=DataConfig(limit=3))
    with pytest.raises(ConfigError, match="other settings"):
        execute(copying_step(), other, {"data": data}, tmp_path / "out", Options())


def test_settings_that_the_step_does_not_read_change_nothing(tmp_path, data):
    first = run(copying_step(), data, tmp_path / "out")
    other = Experiment(name="trial", detector=SceneDetectorConfig(size="base"))
    assert execute(copying_step(), other, {"data": data}, tmp_path / "out", Options()) == first


def test_a_smoke_test_is_other_work(tmp_path, data):
    """What a smoke test made must never be taken for the real thing."""
    run(copying_step(), data, tmp_path / "out")
    with pytest.raises(ConfigError, match="other settings"):
        execute(copying_step(), replace(EXPERIMENT, smoke=True), {"data": data}, tmp_path / "out", Options())


def test_another_task_is_other_work(tmp_path, data):
    both = replace(EXPERIMENT, classifier=SceneClassifierConfig())
    step = Step("tasked", ("data",), lambda job: Outcome(), lambda *_: None, takes_task=True)
    execute(step, both, {"data": data}, tmp_path / "out", Options(task="detector"))
    with pytest.raises(ConfigError, match="other task"):
        execute(step, both, {"data": data}, tmp_path / "out", Options(task="classifier"))


def test_a_mistake_before_anything_was_done_can_be_mended_in_the_same_place(tmp_path, data):
    def work(job):
        if "extra" not in job.inputs:
            raise ConfigError("give --in extra=PATH as well")
        return Outcome()

    step = Step("picky", ("data",), work, lambda *_: None, optional=("extra",))
    with pytest.raises(ConfigError, match="--in extra"):
        run(step, data, tmp_path / "out")
    report = execute(step, EXPERIMENT, {"data": data, "extra": data}, tmp_path / "out", Options())
    assert report.verdict.passed and report.attempts == 1


def test_a_killed_attempt_is_counted(tmp_path, data):
    with pytest.raises(KeyboardInterrupt):
        run(copying_step(fail_after="half"), data, tmp_path / "out")
    assert run(copying_step(), data, tmp_path / "out").attempts == 2
    assert run(copying_step(), data, tmp_path / "out", fresh=True).attempts == 1


def test_fresh_work_begins_empty(tmp_path, data):
    calls = []
    with pytest.raises(KeyboardInterrupt):
        run(copying_step(calls=calls, fail_after="half"), data, tmp_path / "out")
    report = run(copying_step(calls=calls), data, tmp_path / "out", fresh=True)
    assert calls == [[], []]
    assert report.attempts == 1


def test_fresh_work_that_fails_leaves_the_old_output(tmp_path, data):
    before = run(copying_step(), data, tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run(copying_step(fail_after="half"), data, tmp_path / "out", fresh=True)
    assert read_report(tmp_path / "out") == before
    assert (tmp_path / "out" / "copy.txt").read_text() == "hello"
    assert run(copying_step(), data, tmp_path / "out") == before


def test_fresh_work_replaces_the_output_also_beside_what_a_killed_one_left(tmp_path, data):
    run(copying_step(), data, tmp_path / "out")
    (tmp_path / "out" / "old.txt").write_text("of the first")
    before = tmp_path / "out.partial" / "before"  # killed after the move, before it was tidied up
    before.mkdir(parents=True)
    (before / "copy.txt").write_text("older still")
    run(copying_step(), data, tmp_path / "out", fresh=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "copy.txt",
        "half.txt",
        "page.html",
        "report.json",
    ]
    assert not (tmp_path / "out.partial").exists()


def test_what_a_kill_left_beside_a_finished_output_is_tidied_up(tmp_path, data):
    first = run(copying_step(), data, tmp_path / "out")
    partial = tmp_path / "out.partial"  # killed between the move and the last removal
    (partial / "plan").mkdir(parents=True)
    with (partial / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(copying_step(), data, tmp_path / "out") == first
        assert partial.exists()  # somebody works there, with --fresh
    assert run(copying_step(), data, tmp_path / "out") == first
    assert not partial.exists()


def test_nothing_is_built_on_a_refusal(tmp_path, data):
    """The refusal goes on, finished and with its reason; the work itself is never begun."""
    calls = []
    run(copying_step(verdict=GateVerdict(False, ("too short.", "too dull"))), data, tmp_path / "no")
    step = Step("next", ("data",), calls.append, lambda *_: None)
    for _ in range(2):
        verdict = run(step, tmp_path / "no", tmp_path / "out").verdict
        assert verdict == GateVerdict(False, (f"{tmp_path / 'no'}: `scanml copying` refused it: too short; too dull.",))
    assert calls == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]


def test_a_refusal_is_finished_without_a_product(tmp_path, data):
    step = copying_step(verdict=GateVerdict(False, ("too short",)))
    for _ in range(2):
        assert run(step, data, tmp_path / "out").verdict.reasons == ("too short",)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["page.html", "report.json"]


def test_a_gate_error_is_a_refusal(tmp_path, data):
    def work(job):
        raise GateError("the loss is nan")

    report = run(Step("nan", ("data",), work, lambda *_: None), data, tmp_path / "out")
    assert report.verdict == GateVerdict(False, ("the loss is nan",))


def test_what_no_step_wrote_is_never_removed(tmp_path, data):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(ConfigError, match="not a step's output"):
            run(copying_step(), data, out, fresh=fresh)
    assert (out / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_may_be_the_output(tmp_path, data):
    (tmp_path / "out").mkdir()
    assert run(copying_step(), data, tmp_path / "out").verdict.passed


def test_only_one_process_works_in_an_output(tmp_path, data):
    partial = tmp_path / "out.partial"
    partial.mkdir()
    with (partial / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="another process"):
            run(copying_step(), data, tmp_path / "out")


def test_an_output_that_cannot_be_written_is_named(tmp_path, data):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot be written"):
        run(copying_step(), data, tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "--in data=PATH"),
        ({"data": ".", "dat": "."}, "no input 'dat'"),
        ({"data": "/nowhere/at/all"}, "no such file or folder"),
        ({"data": "nosuch://bucket/data"}, "nothing installed reads such a URI"),
    ],
)
def test_wrong_inputs_are_named(tmp_path, inputs, message):
    with pytest.raises((ConfigError, ArtifactError), match=message):
        execute(copying_step(), EXPERIMENT, inputs, tmp_path / "out", Options())


def test_the_output_of_a_step_is_known_by_what_it_found(tmp_path, data):
    """Two gates without products differ by their verdicts, so that what follows is not taken for done."""
    yes = run(copying_step(verdict=GateVerdict(True, ("a",))), data, tmp_path / "one")
    no = run(copying_step(verdict=GateVerdict(True, ("b",))), data, tmp_path / "two")
    assert yes.fingerprint != no.fingerprint


def test_a_task_is_needed_where_there_are_two(tmp_path, data):
    step = Step("tasked", ("data",), lambda job: Outcome(facts={"task": job.task}), lambda *_: None, takes_task=True)
    assert run(step, data, tmp_path / "out").task == "detector"
    with pytest.raises(ConfigError, match="--task detector, received 'classifier'"):
        run(step, data, tmp_path / "other", task="classifier")


def test_an_output_inside_an_input_is_refused(data):
    with pytest.raises(ConfigError, match="lies inside --in data"):
        run(copying_step(), data, data / "out")
    assert not (data / "out.partial").exists()
