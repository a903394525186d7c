"""What the tables say is what was recorded; the README's table cannot drift from the committed results."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # where only the package is installed

from benchmarks._figures import Figure, figures, read_rows  # noqa: E402
from benchmarks._table import readme_table  # noqa: E402

ENVIRONMENT = {
    "scanml.cores": "2",
    "scanml.machine": "x86_64",
    "scanml.version.tensorflow": "2.21.0",
    "scanml.version.keras": "3.15.1",
}


def test_the_readme_shows_the_committed_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_table(ROOT / "benchmarks" / "results") in text, "put there what `python -m benchmarks --table` prints"


@pytest.mark.parametrize(
    ("bounds", "target", "reached"),
    [
        ({}, "", True),
        ({"at_least": 2.5}, "≥ 2.5 s", True),
        ({"at_least": 2.6}, "≥ 2.6 s", False),
        ({"at_most": 2.5}, "≤ 2.5 s", True),
        ({"at_most": 2.4}, "≤ 2.4 s", False),
    ],
)
def test_a_target_is_reached_or_not(bounds, target, reached):
    figure = Figure(name="x", value=2.5, form="{:.1f} s", **bounds)
    assert (figure.measured, figure.target, figure.reached) == ("2.5 s", target, reached)


def detector_row(model, seed, ap, *, script="a"):
    settings = {"model": model, "seed": seed, "script": script}
    return {"settings": settings, "values": {"metrics": {"AP": ap, "AP50": ap + 0.3}}}


def test_detectors_are_compared_by_their_means_over_seeds_of_their_newest_settings():
    rows = [
        detector_row("ours", 0, 0.1, script="old"),
        *(detector_row("ours", seed, ap) for seed, ap in enumerate((0.60, 0.64, 0.68))),
        *(detector_row("yolo11n", seed, 0.61) for seed in range(3)),
        detector_row("retinanet", 0, 0.4),
    ]
    ap, ahead, ap50 = figures("detect_from_scratch", rows)
    assert (ap.measured, ap.note, ap.reached) == ("0.640", "mean of 3 seeds; yolo11n 0.610, retinanet 0.400", True)
    assert (ahead.measured, ahead.target, ahead.reached) == ("+0.030", "≥ +0.010", True)
    assert ap50.measured == "0.940"
    assert figures("detect_from_scratch", rows[-1:]) == []


def test_the_worst_step_stands_for_all_that_were_killed():
    steps = {"train": {"resumed": 20, "half_written": 0}, "export": {"resumed": 19, "half_written": 1}}
    resumed, half = figures("kill", [{"settings": {"rounds": 20}, "values": steps}])
    assert (resumed.measured, resumed.reached) == ("19 of 20", False)
    assert (half.measured, half.reached) == ("1", False)
    assert figures("kill", [{"settings": {"rounds": 2}, "values": steps}]) == []  # a try


def test_the_pipeline_is_judged_by_the_default_job_with_the_spread_beside():
    keys = ("first epoch / tf.data", "first epoch / albumentations", "second epoch / tf.data")
    jobs = {"zoom": 3.0, "zoom colors": 2.6, "crop": 2.0, "crop colors": 1.5}
    values = {job: {"ratios of images per second": dict.fromkeys(keys, value)} for job, value in jobs.items()}
    found = figures("input_pipeline", [{"values": values}])
    assert [(figure.measured, figure.reached) for figure in found] == [
        ("2.6 ×", True),
        ("2.6 ×", True),
        ("2.6 ×", False),
    ]
    assert found[0].note == "(1.5 to 3.0 over 4 jobs)"


def test_a_checkpoint_is_judged_where_it_costs_most():
    sizes = {
        name: {"update_ms": 100.0, "stopped_percent": cost, "with_beside_percent": 2 * cost, "n": 9}
        for name, cost in (("small", 0.4), ("large", 0.2))
    }
    [figure] = figures("checkpoint", [{"values": sizes}])
    assert (figure.measured, figure.reached) == ("0.40 %", True)
    assert "0.80 % of it with what is written beside" in figure.note


def test_the_best_way_of_updating_counts():
    ways = {"fit": {"times_less": 1.0, "n": 5}, "1 a call": {"times_less": 4.0, "n": 5}}
    values = {"tensorflow": {"empty": ways | {"32 a call": {"times_less": 9.0, "n": 5}}, "resnet": ways}}
    found = figures("step_overhead", [{"values": values | {"jax": {"empty": ways}}}])
    assert [figure.reached for figure in found] == [True, False, True]
    assert found[0].note == "(32 a call, median of 5)"


def test_ten_thousand_photos_in_a_minute():
    rows = [{"settings": {"images": n}, "values": {"seconds": s}} for n, s in ((10_000, 59.0), (100, 2.0))]
    [figure] = figures("validate", rows)
    assert (figure.measured, figure.target, figure.reached) == ("59 s", "≤ 60 s", True)
    assert figures("validate", rows[1:]) == []


def test_the_table_has_what_was_measured_on_its_machine_newest_last(tmp_path):
    def write(hardware, *rows):
        lines = (json.dumps(row | {"environment": ENVIRONMENT}) for row in rows)
        (tmp_path / f"validate-{hardware}-te2.jsonl").write_text("\n".join(lines))

    def row(at, seconds):
        return {"at": at, "settings": {"images": 10_000}, "values": {"seconds": seconds}}

    write("2core-x86_64", row("2", 70.0), row("1", 20.0))
    write("64core-x86_64", row("3", 1.0))
    assert [found["at"] for found in read_rows(tmp_path, "validate")] == ["1", "2", "3"]
    head, _, line = readme_table(tmp_path).splitlines()
    assert head == "| promise | measured (2 cores, x86_64, TensorFlow 2.21, Keras 3.15) | script |"
    said = "10,000 photos 70 s (target ≤ 60 s: **not reached**)"
    assert line == f"| Every label and pixel is looked at before training | {said} | `benchmarks/validate.py` |"
