"""OUT on an object store: the report last, nothing half-written, resumed on the same disk and on an empty one."""

import threading
from pathlib import Path

import pytest

from scanml.cli import main
from scanml.datasets.config import DataConfig
from scanml.errors import ArtifactError, ConfigError
from scanml.models.config import SceneDetectorConfig
from scanml.steps import extract, store_lock, validate
from scanml.steps.contract import Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.store import Store
from scanml.steps.store_output import StoreOutput
from scanml.structures.reports import GateVerdict

EXPERIMENT = Experiment(name="trial", detector=SceneDetectorConfig())


def counting_step(*, dies_at=None, seen=None, verdict=None):
    """Counts to three in `kept.txt`, which it keeps, and in `lost.txt`, which it does not; may die on the way."""

    def work(job):
        kept = job.folder / "kept.txt"
        if seen is not None:
            seen.append({path.name: path.read_text() for path in sorted(job.folder.iterdir())})
        for number in range(int(kept.read_text()) if kept.exists() else 0, 3):
            if number == dies_at:
                raise KeyboardInterrupt
            (job.folder / "lost.txt").write_text(str(number + 1))
            kept.write_text(str(number + 1))
            job.keep(kept)
        return Outcome(verdict=verdict or GateVerdict(True, ()))

    return Step("counting", ("data",), work, lambda experiment, _: experiment.data)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("hello")
    return tmp_path / "data"


@pytest.fixture
def out(bucket):
    return f"{bucket}/run/out"


def run(step, data, out, **options):
    return execute(step, EXPERIMENT, {"data": data}, out, Options(**options))


def on_another_machine(monkeypatch, tmp_path, name):
    monkeypatch.setenv("SCANML_SCRATCH", str(tmp_path / name))


def files_below(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_a_finished_step_is_there_whole_and_nowhere_else(out, data, tmp_path):
    report = run(counting_step(), data, out)
    assert set(Store(out).listing()) == {"kept.txt", "lost.txt", "report.json"}
    assert Store(f"{out}.partial").listing() == {}
    assert not files_below(tmp_path / "scratch")
    assert run(counting_step(dies_at=0), data, out) == report  # not done again


def test_the_same_work_has_the_same_fingerprints_on_both(out, data, tmp_path):
    there, here = run(counting_step(), data, out), run(counting_step(), data, tmp_path / "out")
    assert (there.fingerprint, there.inputs) == (here.fingerprint, here.inputs)


def test_an_empty_disk_goes_on_with_what_was_kept(out, data, monkeypatch, tmp_path):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run(counting_step(dies_at=2), data, out)
    assert Store(out).listing() == {}
    on_another_machine(monkeypatch, tmp_path, "new disk")
    report = run(counting_step(seen=seen), data, out)
    assert seen == [{"kept.txt": "2"}]
    assert report.attempts == 2


def test_the_same_disk_goes_on_with_everything(out, data):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run(counting_step(dies_at=2), data, out)
    run(counting_step(seen=seen), data, out)
    assert seen == [{"kept.txt": "2", "lost.txt": "2"}]


def test_a_disk_that_others_have_overtaken_is_not_believed(out, data, monkeypatch, tmp_path):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run(counting_step(dies_at=1), data, out)
    on_another_machine(monkeypatch, tmp_path, "other")
    with pytest.raises(KeyboardInterrupt):
        run(counting_step(dies_at=2), data, out)
    on_another_machine(monkeypatch, tmp_path, "scratch")
    run(counting_step(seen=seen), data, out)
    assert seen == [{"kept.txt": "2"}]


def test_another_process_is_refused_and_nothing_is_lost(out, data, monkeypatch, tmp_path):
    monkeypatch.setattr(store_lock, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(store_lock, "POLL_SECONDS", 0.3)

    def work(job):
        with monkeypatch.context() as other:
            other.setenv("SCANML_SCRATCH", str(tmp_path / "other"))
            with pytest.raises(ArtifactError, match="another process works here"):
                run(counting_step(), data, out)
        with pytest.raises(ArtifactError, match=f"{out}: another process works here"):
            run(counting_step(), data, out)  # on this machine
        return Outcome()

    assert run(Step("slow", ("data",), work, lambda *_: None), data, out).verdict.passed


def test_who_was_taken_over_publishes_nothing(out, data, monkeypatch, tmp_path):
    monkeypatch.setattr(store_lock, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(store_lock, "POLL_SECONDS", 0.05)

    def work(job):
        (job.folder / "mine.txt").write_text("of the first")
        with monkeypatch.context() as other, pytest.raises(KeyboardInterrupt):
            other.setenv("SCANML_SCRATCH", str(tmp_path / "other"))  # we are silent: the first beat comes after 15 s
            run(counting_step(dies_at=1), data, out)
        with pytest.raises(ArtifactError, match="taken this work over"):
            job.keep(job.folder / "mine.txt")
        return Outcome()

    with pytest.raises(ArtifactError, match="taken this work over"):
        run(Step("counting", ("data",), work, lambda experiment, _: experiment.data), data, out)
    assert Store(out).listing() == {}
    assert "work/mine.txt" not in Store(f"{out}.partial").listing()


def test_an_upload_that_breaks_off_looks_unfinished_and_is_mended(out, data, monkeypatch):
    Store(out)
    upload = Store.upload

    def break_off(store, paths):
        upload(store, dict(list(paths.items())[:1]))
        raise ArtifactError(f"{store.uri}: cannot be reached.")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "upload", break_off)
        with pytest.raises(ArtifactError, match="cannot be reached"):
            run(counting_step(), data, out)
    assert len(Store(out).listing()) == 1 and StoreOutput(out).finished() is None
    with pytest.raises(ArtifactError, match="has not finished"):
        execute(counting_step(), EXPERIMENT, {"data": out}, f"{out}-next", Options())
    run(counting_step(), data, out)
    assert set(Store(out).listing()) == {"kept.txt", "lost.txt", "report.json"}


def test_what_could_not_be_removed_is_removed_by_the_next_call(out, data, monkeypatch):
    delete = Store.delete

    def fail(store, names):
        names = list(names)
        if any(name.startswith("plan/") for name in names):
            raise ArtifactError(f"{store.uri}: cannot be reached.")
        delete(store, names)

    with monkeypatch.context() as broken:
        broken.setattr(Store, "delete", fail)
        with pytest.raises(ArtifactError, match="cannot be reached"):
            run(counting_step(), data, out)
    report = StoreOutput(out).finished()
    assert report is not None and "plan/report.json" in Store(f"{out}.partial").listing()
    assert run(counting_step(dies_at=0), data, out) == report
    assert not any(name.startswith(("plan/", "work/")) for name in Store(f"{out}.partial").listing())


def test_nothing_is_tidied_up_where_somebody_works(out, data):
    report = run(counting_step(), data, out)

    def work(job):
        assert run(counting_step(dies_at=0), data, out) == report
        assert "plan/report.json" in Store(f"{out}.partial").listing()
        return Outcome()

    run(Step("counting", ("data",), work, lambda experiment, _: experiment.data), data, out, fresh=True)


def test_fresh_work_replaces_what_was_there(out, data):
    run(counting_step(), data, out)
    Store(out).write("old.txt", b"of an earlier version")
    with pytest.raises(KeyboardInterrupt):
        run(counting_step(dies_at=2), data, out, fresh=True)
    assert StoreOutput(out).finished() is not None  # until the new one is ready
    seen = []
    run(counting_step(seen=seen), data, out, fresh=True)
    assert seen == [{}]
    assert set(Store(out).listing()) == {"kept.txt", "lost.txt", "report.json"}


def test_a_refusal_is_finished_without_a_product(out, data):
    for _ in range(2):
        report = run(counting_step(verdict=GateVerdict(False, ("too short",))), data, out)
        assert report.verdict.reasons == ("too short",)
    assert list(Store(out).listing()) == ["report.json"]
    following = run(counting_step(), out, f"{out}-next")
    assert following.verdict.reasons == (f"{out}: `scanml counting` refused it: too short.",)


def test_what_no_step_wrote_and_other_work_are_refused(out, data):
    Store(f"{out}-mine").write("thesis.txt", b"years of work")
    with pytest.raises(ConfigError, match="not a step's output"):
        run(counting_step(), data, f"{out}-mine")
    with pytest.raises(KeyboardInterrupt):
        run(counting_step(dies_at=1), data, out)
    other = Experiment(name="trial", detector=SceneDetectorConfig(), data=DataConfig(limit=3))
    with pytest.raises(ConfigError, match=f"{out}.partial: .*other settings"):
        execute(counting_step(), other, {"data": data}, out, Options())


def test_what_cannot_be_kept_is_a_warning(out, data, monkeypatch, caplog):
    monkeypatch.setattr(Store, "write", _fail)
    assert run(counting_step(), data, out).verdict.passed
    assert "kept.txt was not saved there; the work goes on" in caplog.text


def test_what_fails_before_the_work_lets_go_of_the_lock(out, data, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(Store, "download", _fail)
        with pytest.raises(ArtifactError, match="cannot be reached"):
            run(counting_step(), data, out)
    assert run(counting_step(), data, out).verdict.passed  # at once


def test_files_are_kept_from_any_thread(out, data):
    def work(job):
        paths = [job.folder / f"{number}.txt" for number in range(12)]
        threads = [threading.Thread(target=job.keep, args=(path,)) for path in paths]
        for path, thread in zip(paths, threads, strict=True):
            path.write_text(path.name)
            thread.start()
        for thread in threads:
            thread.join()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Step("threads", ("data",), work, lambda *_: None), data, out)
    unfinished = Store(f"{out}.partial")
    assert all(unfinished.read(f"work/{number}.txt") == f"{number}.txt".encode() for number in range(12))


def test_an_output_inside_an_input_is_refused(bucket):
    with pytest.raises(ConfigError, match="lies inside --in data"):
        run(counting_step(), f"{bucket}/data", f"{bucket}/data/out")


def test_a_damaged_report_is_named(out, data):
    Store(out).write("report.json", b"{")
    with pytest.raises(ArtifactError, match=f"{out}/report.json: no report of a scanml step"):
        run(counting_step(), data, out)


def test_steps_read_and_write_the_store(bucket, world, tmp_path, capsys):
    """Raw data, a report and shards: what the library's own steps do there is what they do on a disk."""
    files = {path.relative_to(world).as_posix(): path for path in world.rglob("*") if path.is_file()}
    Store(f"{bucket}/data").upload(files)
    words = ["validate", "--config", "detect", "--in", f"data={bucket}/data", "--out", f"{bucket}/validate/"]
    assert main(words) == 0
    assert f"→ {bucket}/validate" in capsys.readouterr().out
    inputs = {"data": f"{bucket}/data", "report": f"{bucket}/validate"}
    there = extract.run(EXPERIMENT, inputs, f"{bucket}/extract")
    validate.run(EXPERIMENT, {"data": world}, tmp_path / "validate")
    here = extract.run(EXPERIMENT, {"data": world, "report": tmp_path / "validate"}, tmp_path / "extract")
    assert there.fingerprint == here.fingerprint and there.inputs == here.inputs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "a run is written to a local folder"),
        (["validate", "--track"], "there is no folder beside --out s3://bucket/run"),
    ],
)
def test_what_needs_a_local_folder_says_so(words, message, world, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    words = [words[0], "--config", "detect", "--in", f"data={world}", "--out", "s3://bucket/run", *words[1:]]
    assert main(words) == 2
    assert message in capsys.readouterr().err


def _fail(*_):
    raise ArtifactError("s3://bucket: cannot be reached.")
