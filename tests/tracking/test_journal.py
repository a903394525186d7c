"""Runs on disk: appended, torn, left by the dead, and never read out of their folder."""

import subprocess
import sys

import pytest

from scanml.errors import ArtifactError
from scanml.tracking.journal import Journal, find_waiting

BEGIN = {"store": "http://host", "run_name": "train", "experiment": "x", "parent": None, "tags": {}}


@pytest.fixture
def journal(tmp_path):
    return Journal.create(tmp_path / "unsent", "begin", BEGIN)


def kinds(journal):
    return [entry.kind for entry in journal.waiting()]


def test_entries_come_back_in_order_with_their_times_and_numbers(journal):
    journal.append("metrics", {"step": 7, "metrics": {"loss": float("nan"), "more": 0.1}}, time_ms=123)
    [begin, metrics] = journal.waiting()
    assert begin.values == {**BEGIN, "key": journal.key}
    assert (metrics.kind, metrics.time_ms, metrics.values["step"]) == ("metrics", 123, 7)
    assert metrics.values["metrics"]["more"] == 0.1 and metrics.values["metrics"]["loss"] != 0


def test_what_was_acknowledged_is_not_read_again_by_anybody(journal):
    journal.append("tags", {"a": "b"})
    journal.acknowledge(next(journal.waiting()), "abc")
    assert kinds(journal) == ["tags"]
    journal.release()
    again = Journal.open(journal.folder)
    assert (again.run_id, kinds(again)) == ("abc", ["tags", "end"])


def test_one_that_was_killed_ends_at_its_last_whole_line(journal):
    journal.append("tags", {"a": "b"}, time_ms=5)
    with (journal.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"kind": "metrics", "ti')
    journal.release()
    *_, last, end = Journal.open(journal.folder).waiting()
    assert (last.kind, end.kind, end.values, end.time_ms) == ("tags", "end", {"status": "KILLED"}, 5)


def test_one_that_was_killed_before_its_first_line_is_forgotten(journal):
    (journal.folder / "journal.jsonl").write_text('{"kind": "beg')
    journal.release()
    assert Journal.open(journal.folder) is None
    assert not journal.folder.parent.exists()


def test_one_process_at_a_time(journal):
    assert Journal.open(journal.folder) is None
    code = "import pathlib, sys, scanml.tracking.journal as j; print(j.Journal.open(pathlib.Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, str(journal.folder)], capture_output=True, text=True)
    assert done.stdout == "None\n"


def test_staged_files_stay_when_the_original_moves(journal, tmp_path):
    (tmp_path / "work" / "checkpoint").mkdir(parents=True)
    (tmp_path / "work" / "checkpoint" / "state.npz").write_bytes(b"weights")
    journal.append("artifact", {"path": journal.stage(tmp_path / "work" / "checkpoint")})
    (tmp_path / "work").rename(tmp_path / "out")
    (tmp_path / "out" / "checkpoint" / "state.npz").unlink()
    *_, entry = journal.waiting()
    assert (journal.staged(entry) / "state.npz").read_bytes() == b"weights"
    journal.acknowledge(entry, "abc")
    assert not list((journal.folder / "files").iterdir())


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "files/0001/link", "files/../../secret", "files", "."])
def test_an_artifact_does_not_lead_out_of_the_folder(journal, tmp_path, path):
    (tmp_path / "unsent" / "secret").write_text("x")
    (journal.folder / "files" / "0001").mkdir(parents=True)
    (journal.folder / "files" / "0001" / "link").symlink_to(tmp_path / "unsent" / "secret")
    journal.append("artifact", {"path": path})
    *_, entry = journal.waiting()
    with pytest.raises(ArtifactError, match="leads out of"):
        journal.staged(entry)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1]",
        "[" * 99_999,
        '{"kind": "delete", "time_ms": 1, "values": {}}',
        '{"kind": "end", "values": {}}',
        '{"kind": "metrics", "time_ms": 1, "values": {"metrics": 3}}',
        '{"kind": "tags", "time_ms": 1, "values": 3}',
    ],
)
def test_a_foreign_line_is_named(journal, line):
    start = (journal.folder / "journal.jsonl").stat().st_size
    with (journal.folder / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ArtifactError, match=rf"journal\.jsonl, byte {start}: expected an entry"):
        kinds(journal)


def test_an_endless_line_is_refused(journal, monkeypatch):
    monkeypatch.setattr("scanml.tracking.journal.MAX_LINE_BYTES", 100)
    with pytest.raises(ArtifactError, match="more than 100 bytes"):
        kinds(journal)


def test_what_waits_is_found_oldest_first_and_a_damaged_one_is_listed(tmp_path):
    names = [str(number) for number in range(9)]
    for name in names:
        journal = Journal.create(tmp_path, "begin", {**BEGIN, "run_name": name})
    (journal.folder / "journal.jsonl").write_text("[]\n")
    assert [waiting.name for waiting in find_waiting(tmp_path)] == [*names[:-1], journal.key]
    assert [waiting.store for waiting in find_waiting(tmp_path)] == ["http://host"] * 8 + [""]
    assert find_waiting(tmp_path / "missing") == []


def test_a_damaged_note_of_what_was_sent_is_named(journal):
    (journal.folder / "sent.json").write_text("[]")
    journal.release()
    with pytest.raises(ArtifactError, match=r"sent\.json: damaged .*remove it to send all again"):
        Journal.open(journal.folder)


def test_a_damaged_one_is_let_go_and_can_be_mended(journal):
    (journal.folder / "sent.json").write_text("[]")
    journal.release()
    with pytest.raises(ArtifactError) as kept:  # its traceback keeps what `open` held alive
        Journal.open(journal.folder)
    (journal.folder / "sent.json").unlink()
    assert kinds(Journal.open(journal.folder)) == ["begin", "end"]
    assert kept


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match=r"file/unsent-[\w-]+: cannot be written"):
        Journal.create(tmp_path / "file", "begin", BEGIN)
