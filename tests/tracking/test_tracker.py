import json

import pytest

from scanml.errors import ArtifactError
from scanml.tracking import JsonlTracker, NullTracker, TeeTracker, recording


class Remembering(NullTracker):
    def __init__(self):
        self.closed = []

    def close(self, status="FINISHED"):
        self.closed.append(status)


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_per_step_and_nothing_that_json_does_not_know(tmp_path):
    tracker = JsonlTracker(tmp_path / "new" / "history.jsonl")
    tracker.log_metrics({"loss": 0.5}, step=1)
    tracker.log_metrics({"loss": float("nan")}, step=2)
    assert read(tmp_path / "new" / "history.jsonl") == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}]


def test_a_torn_last_line_is_dropped_and_the_file_goes_on(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "lo')
    JsonlTracker(path).log_metrics({"loss": 0.4}, step=2)
    assert read(path) == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}]


def test_resuming_forgets_later_steps(tmp_path):
    path = tmp_path / "history.jsonl"
    tracker = JsonlTracker(path)
    for step in range(1, 6):
        tracker.log_metrics({"loss": 1 / step}, step=step)
    tracker.truncate_after(3)
    tracker.log_metrics({"loss": 0.0}, step=4)
    assert [line["step"] for line in read(path)] == [1, 2, 3, 4]
    assert [file.name for file in tmp_path.iterdir()] == ["history.jsonl"]


def test_resuming_from_nothing_empties_the_file(tmp_path):
    tracker = JsonlTracker(tmp_path / "history.jsonl")
    tracker.truncate_after(0)
    tracker.log_metrics({"loss": 0.0}, step=1)
    tracker.truncate_after(0)
    assert read(tmp_path / "history.jsonl") == []


@pytest.mark.parametrize("line", ["no json", "[1]", '{"loss": 1}', "3"])
def test_a_foreign_line_is_named_and_nothing_is_lost(tmp_path, line):
    path = tmp_path / "history.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n')
    with pytest.raises(ArtifactError, match=r"history.jsonl, line 2: expected an object with a step"):
        JsonlTracker(path).truncate_after(0)
    assert len(path.read_text().splitlines()) == 2


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match=r"file/history.jsonl cannot be written"):
        JsonlTracker(tmp_path / "file" / "history.jsonl")


def test_tee_writes_to_all_and_has_the_first_run_id(tmp_path):
    tracker = TeeTracker(NullTracker(), JsonlTracker(tmp_path / "a"), JsonlTracker(tmp_path / "b"))
    tracker.log_params({"steps": 7})
    tracker.log_metrics({"loss": 0.5}, step=1)
    tracker.close()
    assert read(tmp_path / "a") == read(tmp_path / "b") == [{"step": 1, "loss": 0.5}]
    assert tracker.run_id is None


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")]
)
def test_recording_closes_with_how_it_ended(error, status):
    tracker = Remembering()
    with pytest.raises(error), recording(tracker):
        raise error
    with recording(tracker):
        pass
    assert tracker.closed == [status, "FINISHED"]


def test_recording_shows_the_first_error_not_the_trackers():
    class Gone(NullTracker):
        def close(self, status="FINISHED"):
            raise ArtifactError("the store is gone")

    with pytest.raises(ValueError, match="first"), recording(Gone()):
        raise ValueError("first")
    with pytest.raises(ArtifactError, match="gone"), recording(Gone()):
        pass
