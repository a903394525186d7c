"""The demo's world: drawn once, whole or not at all, and never in the place of something else."""

import importlib

import pytest

from scanml.datasets import synthetic
from scanml.errors import ArtifactError, ConfigError
from scanml.pipelines.demo import NUM_SMOKE_IMAGES, demo, showcase
from scanml.pipelines.run import Finished
from scanml.pipelines.state import RunState


@pytest.fixture
def calls(monkeypatch):
    """What the demo calls, in order, with nothing trained: ("draw", images, seed), ("run", name, smoke, fresh), …"""
    calls = []

    def draw_world(out, *, num_images, seed, progress=None):
        calls.append(("draw", num_images, seed))
        (out / "photo.jpg").write_text(str(seed))

    def run(experiment, data, out, *, tracking_uri=None, fresh=False):
        calls.append(("run", experiment.name, experiment.smoke, fresh))
        was_done = (out / "report.html").exists() and not fresh
        return Finished(out, RunState(tracking_uri="", parent_run_id=""), {}, was_done=was_done)

    def write_summary(finished, *, photos, title):
        calls.append(("summary",))
        (finished.out / "report.html").write_text("<p>")

    module = importlib.import_module("scanml.pipelines.demo")  # the package's own `demo` is the function
    monkeypatch.setattr(synthetic, "draw_world", draw_world)
    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "write_summary", write_summary)
    monkeypatch.setattr(module, "showcase", lambda world: [])
    return calls


def test_the_world_is_drawn_once(tmp_path, calls):
    demo(tmp_path / "out", seed=3, smoke=True)
    again = demo(tmp_path / "out", seed=3, smoke=True)
    assert calls == [
        ("draw", NUM_SMOKE_IMAGES, 3),
        ("run", "demo", True, False),
        ("summary",),
        ("run", "demo", True, False),
    ]
    assert again.was_done
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "world"]


def test_a_page_that_is_missing_is_written_again(tmp_path, calls):
    demo(tmp_path / "out", smoke=True)
    (tmp_path / "out" / "report.html").unlink()
    demo(tmp_path / "out", smoke=True)
    assert calls.count(("summary",)) == 2


@pytest.mark.parametrize("other", [{"seed": 4, "smoke": True}, {"seed": 3, "smoke": False}])
def test_another_world_in_the_same_place_is_refused_until_fresh(tmp_path, calls, other):
    demo(tmp_path / "out", seed=3, smoke=True)
    with pytest.raises(ConfigError, match=r"world: holds another world than .*choose another --out, or --fresh"):
        demo(tmp_path / "out", **other)
    assert (tmp_path / "out" / "world" / "photo.jpg").read_text() == "3"
    demo(tmp_path / "out", **other, fresh=True)
    assert (tmp_path / "out" / "world" / "photo.jpg").read_text() == str(other["seed"])
    assert calls[-2] == ("run", "demo", other["smoke"], True)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_that_the_demo_did_not_draw_is_never_touched(tmp_path, calls, fresh):
    (tmp_path / "out" / "world").mkdir(parents=True)
    (tmp_path / "out" / "world" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match=r"world: .*choose another --out"):
        demo(tmp_path / "out", smoke=True, fresh=fresh)
    assert (tmp_path / "out" / "world" / "thesis.txt").read_text() == "years of work"
    assert calls == []


def test_half_a_world_is_drawn_again(tmp_path, calls):
    half = tmp_path / "out" / "world.partial"
    half.mkdir(parents=True)
    (half / "scrap").write_text("half")
    demo(tmp_path / "out", smoke=True)
    assert sorted(path.name for path in (tmp_path / "out" / "world").iterdir()) == ["drawn.json", "photo.jpg"]
    assert not half.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path, calls):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot be written"):
        demo(tmp_path / "file" / "out", smoke=True)
    assert calls == []


def test_the_showcase_is_five_frames_with_the_lens_that_each_should_get(world):
    photos = showcase(world)
    assert len(photos) == 5
    assert all(photo.data and photo.expected_lens and photo.why for photo in photos)
