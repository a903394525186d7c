"""From drawn photos to ranked lenses by the real commands, in a few updates: does everything fit together?"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanml.cli import main
from scanml.steps import read_report

pytestmark = pytest.mark.slow
GUARD = Path(__file__).parent / "oracles" / "refuse_network.py"
STEPS = ("validate", "extract", "train-detector", "evaluate-detector", "gate-detector", "bundle")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's smoke test in a process of its own that may only talk to itself."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    words = [sys.executable, str(GUARD), str(folder / "refused"), "demo", "--smoke", "--out", str(folder / "out")]
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


def test_it_opens_no_connection_that_nobody_named(demo):
    assert (demo[0] / "refused").read_text() == ""


def test_it_writes_only_into_its_folder(demo):
    assert sorted(path.name for path in demo[0].iterdir()) == ["out", "refused"]


def test_it_ends_with_a_table_places_and_next_commands(demo):
    said = demo[1]
    for word in ("95 % interval", "AP50", "mAP", "report.html", "bundle/scene/1", "mlflow.db", "scanml recommend"):
        assert word in said


@pytest.mark.parametrize("name", STEPS)
def test_every_step_left_a_report_and_no_partial_folder(demo, name):
    out = demo[0] / "out"
    assert read_report(out / name).run_id
    assert not (out / f"{name}.partial").exists()


def test_only_the_bundle_has_a_manifest(demo):
    out = demo[0] / "out"
    assert [
        path.relative_to(out).as_posix() for path in out.rglob("manifest.json") if "mlartifacts" not in path.parts
    ] == ["bundle/manifest.json"]


def test_the_gate_applied_every_rule_and_marked_its_yes(demo):
    verdict = read_report(demo[0] / "out" / "gate-detector").verdict
    assert verdict.passed and verdict.smoke
    assert len(verdict.reasons) == 2 and "0 of" in verdict.reasons[0] and "floor" in verdict.reasons[1]


def test_a_smoke_bundle_cannot_be_registered(demo, tmp_path, capsys):
    words = [
        "register",
        "--config",
        "scan",
        "--in",
        f"bundle={demo[0] / 'out' / 'bundle'}",
        "--out",
        str(tmp_path / "r"),
    ]
    assert main([*words, "--track", f"sqlite:///{tmp_path / 'mlflow.db'}"]) == 3
    assert "smoke test" in capsys.readouterr().out


def test_again_it_says_what_is_done(demo, capsys, caplog):
    before = (demo[0] / "out" / "report.html").stat().st_mtime_ns
    with caplog.at_level("INFO", logger="scanml"):
        assert main(["demo", "--smoke", "--out", str(demo[0] / "out")]) == 0
    assert sum("done before" in message for message in caplog.messages) == 9
    assert (demo[0] / "out" / "report.html").stat().st_mtime_ns == before


def test_the_report_opens_with_five_frames_and_reasons(demo):
    page = (demo[0] / "out" / "report.html").read_text()
    assert page.index("5 frames") < page.index("How good it is")
    assert page.count("expected first is") == 10  # caption and alternative text of five pictures


@pytest.fixture(scope="module")
def photos(demo, tmp_path_factory):
    """Two sound photos and a broken one between them."""
    folder = tmp_path_factory.mktemp("photos")
    sources = sorted((demo[0] / "out" / "world" / "images").glob("*.jpg"))[:2]
    for source, name in zip(sources, ("a.jpg", "c.jpg"), strict=True):
        shutil.copy(source, folder / name)
    (folder / "b.jpg").write_bytes(sources[0].read_bytes()[:2000])
    return folder


def test_predict_answers_the_sound_photos_and_names_the_broken_one(demo, photos, tmp_path, capsys):
    bundle, drawn = demo[0] / "out" / "bundle", tmp_path / "drawn"
    paths = [str(photos / name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    assert main(["predict", *paths, "--bundle", str(bundle), "--json", "--min-score", "0", "--out", str(drawn)]) == 2
    first, broken, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert set(first) == set(last) == {"image", "boxes", "scores", "labels", "triggers", "seen"}
    assert set(broken) == {"image", "error"} and "b.jpg" in broken["error"]
    assert len(first["triggers"]) == 8 and len(first["boxes"]) == len(first["scores"]) == len(first["labels"])
    assert sorted(path.name for path in drawn.iterdir()) == ["a.jpg", "c.jpg"]
    assert cv2.imread(str(drawn / "a.jpg")).shape[1] >= 640


def test_predict_writes_coco_results_with_original_ids(demo, photos, tmp_path, capsys):
    bundle = demo[0] / "out" / "bundle"
    listed = {"images": [{"id": 41, "file_name": "a.jpg"}, {"id": 7, "file_name": "c.jpg"}]}
    (tmp_path / "list.json").write_text(json.dumps(listed))
    words = ["predict", "--images", str(tmp_path / "list.json"), "--root", str(photos), "--bundle", str(bundle)]
    assert main([*words, "--results", str(tmp_path / "results.json")]) == 0
    rows = json.loads((tmp_path / "results.json").read_text())
    truth = json.loads((demo[0] / "out" / "world" / "instances.json").read_text())
    assert {row["image_id"] for row in rows} <= {41, 7}
    assert {row["category_id"] for row in rows} <= {category["id"] for category in truth["categories"]}
    boxes = np.array([row["bbox"] for row in rows])
    assert (boxes[:, 2:] >= 0).all() and (boxes[:, :2] + boxes[:, 2:] <= (320.01, 240.01)).all()


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/hostname"])
def test_a_list_may_not_lead_out_of_its_folder(demo, photos, tmp_path, capsys, name):
    (tmp_path / "list.json").write_text(json.dumps({"images": [{"id": 1, "file_name": name}]}))
    words = ["predict", "--images", str(tmp_path / "list.json"), "--root", str(photos)]
    words += ["--bundle", str(demo[0] / "out" / "bundle"), "--results", str(tmp_path / "results.json")]
    assert main(words) == 2
    assert "leads out" in capsys.readouterr().err
    assert not (tmp_path / "results.json").exists()


def test_recommend_ranks_the_marker_of_a_poster_first(demo, capsys):
    world = demo[0] / "out" / "world"
    rows = json.loads((world / "frames.json").read_text())
    poster = next(row for row in rows if "poster" in row["image"])
    assert main(["recommend", str(world / poster["image"]), "--bundle", str(demo[0] / "out" / "bundle"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"image", "lenses", "seconds"}
    assert answer["lenses"][0] | {"score": 0} == {
        "lens_id": poster["expected_lens"],
        "score": 0,
        "rank": 1,
        "reason": "marker",
    }
    assert [lens["rank"] for lens in answer["lenses"]] == [1, 2, 3, 4, 5]
    assert set(answer["seconds"]) == {"decode", "scene", "markers", "rank"}


def test_a_bundle_with_a_flipped_byte_is_refused(demo, photos, tmp_path, capsys):
    bundle = tmp_path / "bundle"
    shutil.copytree(demo[0] / "out" / "bundle", bundle)
    path = bundle / "scene" / "1" / "saved_model.pb"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert main(["predict", str(photos / "a.jpg"), "--bundle", str(bundle)]) == 2
    assert "saved_model.pb" in capsys.readouterr().err
