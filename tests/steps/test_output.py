"""Where a step writes on a disk: one process at a time, also at places that cannot be moved."""

import errno
import fcntl
import shutil
from pathlib import Path

import pytest

from scanml.errors import ArtifactError, ConfigError
from scanml.models.config import SceneDetectorConfig
from scanml.steps.contract import Options, Outcome, Step, execute, open_output
from scanml.steps.experiment import Experiment
from scanml.steps.output import LocalOutput, lock_file, locked
from scanml.steps.report import read_report
from scanml.steps.store import local_or_uri


def run(tmp_path, out, *, names=("one.txt",), **options):
    """A step that writes files of these names."""

    def work(job):
        (job.folder / "below").mkdir(exist_ok=True)
        for name in names:
            (job.folder / "below" / name).write_text(name)
        return Outcome()

    (tmp_path / "data.txt").write_text("hello")
    experiment = Experiment(name="trial", detector=SceneDetectorConfig())
    step = Step("writing", ("data",), work, lambda experiment, _: experiment.data)
    return execute(step, experiment, {"data": tmp_path / "data.txt"}, out, Options(**options))


def names_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """A folder that the system does not let move, as it does with one where a disk or volume is mounted."""
    folder, rename = tmp_path / "mounted", Path.rename
    folder.mkdir()

    def refuse(path, target):
        if folder in (path, Path(target)):
            raise OSError(errno.EBUSY, "Device or resource busy", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    return folder


def test_a_mounted_folder_is_filled_and_with_fresh_filled_anew(tmp_path, mounted):
    run(tmp_path, mounted, names=("one.txt", "two.txt"))
    assert names_in(mounted) == ["below/one.txt", "below/two.txt", "report.json"]
    report = run(tmp_path, mounted, names=("three.txt",), fresh=True)
    assert names_in(mounted) == ["below/three.txt", "report.json"]
    assert read_report(mounted) == report
    assert not (tmp_path / "mounted.partial").exists()


def test_a_mounted_folder_without_its_new_report_is_unfinished(tmp_path, mounted, monkeypatch):
    run(tmp_path, mounted)
    with monkeypatch.context() as full, pytest.raises(ArtifactError, match="no space left"):
        full.setattr(shutil, "copytree", _full)
        run(tmp_path, mounted, names=("two.txt",), fresh=True)
    assert LocalOutput(mounted).finished() is None
    run(tmp_path, mounted, names=("two.txt",))  # goes on with what lies in OUT.partial
    assert names_in(mounted) == ["below/two.txt", "report.json"]


@pytest.mark.parametrize("out", [".", "./", "../here", "file://{}/here/."])
def test_the_working_folder_may_be_the_output_and_stays_the_working_folder(tmp_path, monkeypatch, out):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before, out = Path().stat().st_ino, out.format(tmp_path)
    run(tmp_path, out)
    assert names_in(Path()) == ["below/one.txt", "report.json"]
    run(tmp_path, out, names=("two.txt",), fresh=True)
    assert names_in(Path()) == ["below/two.txt", "report.json"]
    assert Path().stat().st_ino == before == (tmp_path / "here").stat().st_ino


def test_the_root_is_no_output():
    with pytest.raises(ConfigError, match="expected a folder with a name"):
        open_output(local_or_uri("/"))


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_new_one(tmp_path, monkeypatch):
    """One process opens the lock; before it holds it, the last holder removes the folder and a third makes it anew."""
    flock, folder = fcntl.flock, tmp_path / "out.partial"
    folder.mkdir()

    def remove_first(lock, operation):
        monkeypatch.undo()
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "lock").touch()
        flock(lock, operation)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with locked(folder), pytest.raises(ArtifactError, match="another process works here"), locked(folder):
        pass


def test_a_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), lock_file(tmp_path, fcntl.LOCK_EX):
        raise KeyboardInterrupt
    with lock_file(tmp_path, fcntl.LOCK_EX | fcntl.LOCK_NB):
        pass


@pytest.mark.parametrize("name", ["mine/thesis.txt", "thesis.txt", "work/thesis.txt"])
def test_what_somebody_keeps_in_a_folder_called_partial_stays(tmp_path, name):
    mine = tmp_path / "out.partial" / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(ArtifactError, match=r"out\.partial: holds .*, which no step wrote; move it away"):
            run(tmp_path, tmp_path / "out", fresh=fresh)
    assert names_in(tmp_path / "out.partial") == [name]


def test_what_somebody_puts_there_later_stays_too(tmp_path):
    partial = tmp_path / "out.partial"
    with LocalOutput(tmp_path / "out").working():
        (partial / "thesis.txt").write_text("years of work")
        (partial / "work").mkdir()
        (partial / "work" / "report.json").write_text("{}")
        LocalOutput(tmp_path / "out").publish()
    LocalOutput(tmp_path / "out").tidy()
    assert names_in(partial) == ["thesis.txt"]
    assert names_in(tmp_path / "out") == ["report.json"]


@pytest.mark.parametrize("name", ["a" * 300, "a" * 250, "a\0b", "/".join(["b" * 200] * 25)])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_place_that_cannot_be_is_named(tmp_path, name, scheme):
    with pytest.raises(ConfigError, match=r"no path that can be used .*; name another"):
        run(tmp_path, f"{scheme}{tmp_path / name}")


def test_a_circle_of_links_is_no_place(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ConfigError, match="symbolic links"):
        run(tmp_path, tmp_path / "circle" / "out")


def _full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")
