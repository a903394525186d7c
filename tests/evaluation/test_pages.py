"""The pages: the numbers, the warnings and the pictures are on them, whatever the classes are called."""

import html
import sys

import numpy as np
import pytest
from oracles.data_folder import write_pictures
from oracles.fake_reader import FakeExamples, FakeReader
from oracles.random_scenes import SIZE, random_scene

from scanml.evaluation import collect, data_page, judge
from scanml.metrics import ImageTruth, TriggerTable
from scanml.structures import Boxes, DataReport, Detections, Finding, Spot

HOSTILE = "<script>alert(1)</script>"
CLASSES = ("class 0", HOSTILE, "class 2")


def detector(rng, *, num_images=12):
    truths, found = random_scene(rng, num_images=num_images)
    found = [Detections(d.boxes, d.scores, d.labels, CLASSES) for d in found]
    return FakeExamples(CLASSES, tuple(truths)), FakeReader(CLASSES, found)


def classifier(rng, *, num_images=40):
    present = rng.random((num_images, 2)) < 0.5
    table = TriggerTable(("sky", HOSTILE), np.zeros((num_images, 2)), present, rng.random((num_images, 2)) < 0.8)
    scores = np.clip(rng.normal(0.35 + 0.3 * present, 0.25), 0, 1).astype(np.float32)
    return FakeExamples(table=table), FakeReader(trigger_names=table.names, scores=scores)


@pytest.mark.parametrize(("make", "most_pictures"), [(detector, 12), (classifier, 12)])
def test_a_page_shows_its_numbers_and_a_bounded_number_of_pictures(make, most_pictures, rng):
    examples, reader = make(rng)
    predictions = collect(reader, examples)
    report = judge(predictions, examples=examples, num_resamples=77, seed=5)
    assert f"n = {len(examples)} images" in report.page and "77 redraws" in report.page and "seed 5" in report.page
    assert predictions.test_fingerprint in report.page
    for metric in report.metrics.values():
        if metric.value is not None and not metric.name.startswith("F1/"):
            assert f"{metric.value:.3f}" in report.page
            assert f"[{metric.low:.3f}, {metric.high:.3f}]" in report.page or metric.name.startswith("AP50/")
    assert 1 <= report.page.count("image/jpeg") <= most_pictures
    assert "image/jpeg" not in judge(predictions, num_resamples=5).page
    assert HOSTILE not in report.page and html.escape(HOSTILE) in report.page
    assert "leak" not in report.page


def test_a_leak_is_seen_at_once(rng):
    examples, reader = detector(rng)
    page = judge(collect(reader, examples, trained_on=["hash-1"]), num_resamples=5).page
    assert '<span class="badge bad">leak: 1 of 12 test images were trained on</span>' in page


def test_worst_and_best_images_say_what_was_missed():
    boxes = Boxes([[50, 50, 150, 150], [300, 300, 400, 400], [0, 0, 30, 30]], SIZE)
    truth = ImageTruth(boxes, [0, 0, 2], [False] * 3)
    found = Detections(Boxes([[300, 50, 400, 150]], SIZE), [0.9], [0], CLASSES)
    right = Detections(boxes, [0.9, 0.8, 0.7], [0, 0, 2], CLASSES)
    examples = FakeExamples(CLASSES, (truth,) * 7)
    page = judge(collect(FakeReader(CLASSES, [right] * 6 + [found]), examples), examples=examples, num_resamples=5).page
    worst, best = page.split("Worst images</h2>")[1].split("Best images</h2>")
    assert worst.index("F1 0.00, 0 found, missed 2 class 0, 1 class 2, 1 wrong · 6.jpg") < worst.index(
        "F1 1.00, 3 found"
    )
    assert best.count("image/jpeg") == 1 and "missed" not in best


def test_the_worst_class_comes_first_and_one_without_objects_last(rng):
    examples, reader = detector(rng, num_images=20)
    report = judge(collect(reader, examples), num_resamples=5)
    rows = report.page.split("Classes, worst first")[2].split("<tr>")[2:]
    shown = [row.split("</td>")[0].removeprefix("<td>") for row in rows]
    average = {html.escape(name): report.metrics[f"AP/{name}"].value for name in CLASSES}
    assert sorted(shown[:2], key=average.get) == shown[:2]
    assert shown[2] == "class 2" and average["class 2"] is None  # never in random truths


def test_head_medium_and_tail_are_shown_where_training_is_known(rng):
    examples, reader = classifier(rng)
    assert "mAP/tail" not in judge(collect(reader, examples), num_resamples=5).page
    reader.train_positives = {"sky": 150.0, HOSTILE: 7.0}
    report = judge(collect(reader, examples), num_resamples=5)
    for name in ("mAP/head", "mAP/tail"):
        assert f"<td>{name}</td>" in report.page and f"{report.metrics[name].value:.3f}" in report.page
    assert '<td class="number">150</td><td>head</td>' in report.page
    assert '<td class="number">7</td><td>tail</td>' in report.page


def test_a_classifier_without_mistakes_has_no_picture_to_show(rng):
    examples, reader = classifier(rng)
    reader.scores = examples.table.present.astype(np.float32)
    page = judge(collect(reader, examples), examples=examples, num_resamples=5).page
    assert "On no image is a trigger on the wrong side" in page and "image/jpeg" not in page


def test_most_wrong_images_come_first_with_what_was_said(rng):
    examples, reader = classifier(rng)
    scores = examples.table.present.astype(np.float32)
    first = np.flatnonzero(examples.table.known[:, 0] & examples.table.present[:, 0])[:2]
    scores[first, 0] = [0.3, 0.02]
    reader.scores = scores
    page = judge(collect(reader, examples), examples=examples, num_resamples=5).page
    assert page.index(f"sky 2 %, but present · {first[1]}.jpg") < page.index(f"sky 30 %, but present · {first[0]}.jpg")


def test_the_data_page_bounds_findings_and_pictures_and_puts_errors_first(rng):
    warnings = [Finding("warning", f"record {i}", "odd.", "Look.", HOSTILE) for i in range(400)]
    error = Finding("error", "image 'a.jpg'", HOSTILE, "Copy it again.", "broken picture")
    classes = {HOSTILE: {"train": 7, "test": 1}, "cup": {"train": 0, "test": 2}}
    examples = [classifier(rng)[0], classifier(rng, num_images=3)[0]]
    page = data_page(DataReport((*warnings, error), {"images in train": 1234}, classes), examples).render()
    assert '<span class="badge bad">refused: 1 error</span>' in page and "400 warnings" in page and "1,234" in page
    assert page.index("Copy it again.") < page.index("record 0") and "record 5" not in page
    assert "… and 395 more" in page and "Broken picture</h2>" in page
    assert page.count("image/jpeg") == 8
    rows = page.split("Boxes by class</h2>")[1]
    assert rows.index(f'{html.escape(HOSTILE)}</td><td class="number">7</td><td class="number">1</td>') < rows.index(
        '<td>cup</td><td class="number">0</td><td class="number">2</td>'
    )
    present, known = (
        sum(np.sum(kind, axis=0)[0] for kind in kinds) for kinds in zip(*map(truths_of, examples), strict=True)
    )
    assert f'<td>sky</td><td class="number">{present}</td><td class="number">{known - present}</td>' in page
    assert HOSTILE not in page


def test_the_data_page_shows_kinds_as_pictures_as_long_as_it_stays_small(tmp_path, monkeypatch):
    write_pictures(tmp_path, [f"{i}.png" for i in range(6)])
    findings = [
        Finding("warning", f"record {i}", "odd.", "", kind, (Spot(tmp_path / f"{i}.png"),))
        for kind in ("a", "b", "c")
        for i in (0, 0, 1, 2, 3, 4, 5)
    ]
    page = data_page(DataReport(tuple(findings))).render()
    assert page.count("image/jpeg") == 3 * 4
    assert page.count("<figcaption>record 0</figcaption>") == 3
    monkeypatch.setattr(sys.modules["scanml.evaluation.data_page"], "_MAX_EVIDENCE_BYTES", 1)
    full = data_page(DataReport(tuple(findings))).render()
    assert full.count("image/jpeg") == full.count("no room for further pictures") == 3  # one of each kind
    assert "no room" not in page


def test_the_data_page_decodes_what_the_limit_allows(tmp_path):
    write_pictures(tmp_path, ["a.png"], size=(1000, 1001))
    report = DataReport((Finding("warning", "a.png", "odd.", "", "a", (Spot(tmp_path / "a.png"),)),))
    assert data_page(report, max_megapixels=1).render() != data_page(report, max_megapixels=2).render()


def test_triggers_of_no_readable_picture_are_no_table():
    split = FakeExamples(table=TriggerTable(("sky",), np.zeros((0, 1)), np.zeros((0, 1), bool), np.zeros((0, 1), bool)))
    error = Finding("error", "a.png", "cannot be read.", "", "picture that cannot be read")
    page = data_page(DataReport((error,)), [split]).render()
    assert "refused: 1 error" in page and "Triggers</h2>" not in page


def truths_of(examples):
    arrays = [examples.trigger_arrays(index) for index in range(len(examples))]
    return [present & known for present, known in arrays], [known for _, known in arrays]


def test_the_data_page_of_nothing_still_has_a_verdict():
    assert '<span class="badge good">passed</span>' in data_page(DataReport()).render()
    truth = ImageTruth(Boxes([[1, 1, 20, 20], [2, 2, 40, 40]], (48, 64)), [0, 0], [False, True])
    assert data_page(DataReport(), [FakeExamples(("cup",), (truth,))]).render().count("image/jpeg") == 1
