"""Yes or no: every rule on its own, on evaluations written by hand whose metrics are known."""

import json
from dataclasses import replace

import pytest
from oracles.fake_reader import FakeExamples, FakeReader

from scanml.errors import ArtifactError, ConfigError, DataError
from scanml.evaluation import collect, measure, write_predictions
from scanml.metrics import ImageTruth
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.steps import gate
from scanml.steps.contract import Options
from scanml.steps.experiment import EvaluationConfig, Experiment, GateConfig, Rule
from scanml.structures import Boxes, Detections

CLASSES = ("cat", "dog")  # no test image shows a dog
SIZE = (48, 64)
BOX = (10, 10, 40, 40)
NUM_IMAGES = 20
LEAKED = "test images were trained on, 0 are allowed"


def predictions(num_right, *, num_leaked=0, box=BOX):
    """Of 20 images with one cat each, it is found in the first `num_right`: recall is num_right / 20."""
    truths = tuple(ImageTruth(Boxes([box], SIZE), [0], [False]) for _ in range(NUM_IMAGES))
    right, nothing = Detections(Boxes([box], SIZE), [1.0], [0], CLASSES), Detections.empty(CLASSES, image_size=SIZE)
    answers = [right if index < num_right else nothing for index in range(NUM_IMAGES)]
    return replace(collect(FakeReader(CLASSES, answers), FakeExamples(CLASSES, truths)), num_leaked=num_leaked)


@pytest.fixture
def evaluation(tmp_path, finish):
    """Writes what `scanml evaluate` would about `predictions(...)`."""

    def evaluation(name, num_right, **options):
        folder, answers = tmp_path / name, predictions(num_right, **options)
        folder.mkdir()
        write_predictions(answers, folder / "predictions.json")
        metrics = measure(answers, num_resamples=10)
        finish(folder, "evaluate", task="detector", inputs={"model": "the model", "shards": "x"}, metrics=metrics)
        return folder

    return evaluation


def run(out, candidate, *rules, baseline=None, task="detector", smoke=False):
    experiment = Experiment(
        name="trial",
        detector=SceneDetectorConfig(),
        classifier=SceneClassifierConfig(),
        evaluation=EvaluationConfig(num_resamples=200),
        gate=GateConfig(detector=rules),
        smoke=smoke,
    )
    inputs = {"candidate": candidate} | ({"baseline": baseline} if baseline else {})
    return gate.run(experiment, inputs, out, Options(task=task))


def test_a_sound_model_passes_and_its_verdict_names_it(tmp_path, evaluation):
    report = run(tmp_path / "out", evaluation("new", 15), Rule(metric="AR1", floor=0.7))
    assert report.verdict.passed and not report.verdict.smoke
    assert report.verdict.reasons[0] == f"yes: 0 of 20 {LEAKED}"
    assert report.verdict.reasons[1].startswith("yes: AR1 0.750 [")
    assert report.verdict.reasons[1].endswith("(n = 20), floor 0.700")
    assert report.facts == {"model": "the model", "judged": True}
    assert report.metrics["AR1"].value == 0.75


@pytest.mark.parametrize(
    ("num_leaked", "reason"), [(1, f"no: 1 of 20 {LEAKED}"), (None, "no: it is not known whether")]
)
def test_a_leak_is_no_also_one_that_nobody_looked_for(tmp_path, evaluation, num_leaked, reason):
    candidate = evaluation("new", 20, num_leaked=num_leaked)
    verdict = run(tmp_path / "out", candidate, Rule(metric="AR1", floor=0.0)).verdict
    assert not verdict.passed
    assert verdict.reasons[0].startswith(reason)
    assert verdict.reasons[1].startswith("yes: ")


@pytest.mark.parametrize(("floor", "passed"), [(0.75, True), (0.7501, False)])
def test_the_floor_itself_is_enough(tmp_path, evaluation, floor, passed):
    verdict = run(tmp_path / "out", evaluation("new", 15), Rule(metric="AR1", floor=floor)).verdict
    assert verdict.passed is passed


def test_one_missed_rule_of_many_is_no(tmp_path, evaluation):
    rules = (Rule(metric="AR1", floor=0.9), Rule(metric="IoU", floor=0.9))
    verdict = run(tmp_path / "out", evaluation("new", 15), *rules).verdict
    assert not verdict.passed
    assert [reason.partition(":")[0] for reason in verdict.reasons] == ["yes", "no", "yes"]


def test_an_undefined_metric_is_no(tmp_path, evaluation):
    verdict = run(tmp_path / "out", evaluation("new", 20), Rule(metric="AP/dog", floor=0.0, max_drop=1.0)).verdict
    assert verdict.reasons[1] == "no: AP/dog is not defined on this test set"
    assert not verdict.passed


@pytest.mark.parametrize(
    ("num_right", "max_drop", "passed"),
    [
        (16, 0.0, True),  # the same answers differ nowhere, however few the images
        (18, 0.0, True),
        (4, 0.3, False),
        (4, 1.0, True),
        (15, 0.06, False),  # it fell by 0.05, but 20 images cannot exclude 0.1
    ],
)
def test_a_drop_is_judged_with_confidence_and_paired(tmp_path, evaluation, num_right, max_drop, passed):
    candidate, baseline = evaluation("new", num_right), evaluation("old", 16)
    verdict = run(tmp_path / "out", candidate, Rule(metric="AR1", max_drop=max_drop), baseline=baseline).verdict
    assert verdict.passed is passed
    assert f"below the baseline (95 %), allowed {max_drop:.3f}" in verdict.reasons[1]


def test_a_drop_within_bounds_does_not_excuse_a_missed_floor(tmp_path, evaluation):
    rule = Rule(metric="AR1", floor=0.9, max_drop=0.1)
    verdict = run(tmp_path / "out", evaluation("new", 16), rule, baseline=evaluation("old", 16)).verdict
    assert not verdict.passed


@pytest.mark.parametrize(("floor", "passed"), [(0.7, True), (0.8, False)])
def test_without_a_baseline_the_floor_alone_counts_and_the_verdict_says_so(tmp_path, evaluation, floor, passed):
    rule = Rule(metric="AR1", floor=floor, max_drop=0.0)
    verdict = run(tmp_path / "out", evaluation("new", 15), rule).verdict
    assert verdict.passed is passed
    assert verdict.reasons[1].endswith(", no baseline")


def test_a_smoke_test_is_yes_and_keeps_what_was_said(tmp_path, evaluation):
    report = run(tmp_path / "out", evaluation("new", 1), Rule(metric="AR1", floor=0.9), smoke=True)
    assert report.verdict.passed and report.verdict.smoke
    assert report.verdict.reasons[1].startswith("no: AR1 0.050")
    assert report.facts["judged"] is False


@pytest.mark.parametrize("rule", [Rule(metric="AR1", floor=0.0), Rule(metric="AR1", max_drop=1.0)])
def test_a_baseline_of_another_test_set_is_bad_input(tmp_path, evaluation, rule):
    """Also where no rule looks at it: who gives a baseline means it."""
    candidate, baseline = evaluation("new", 20), evaluation("old", 20, box=(10, 10, 40, 41))
    with pytest.raises(DataError, match="one test set") as caught:
        run(tmp_path / "out", candidate, rule, baseline=baseline)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_rule_on_a_metric_that_there_is_not_names_the_nearest(tmp_path, evaluation):
    candidate = evaluation("new", 20)
    with pytest.raises(ConfigError, match="no metric 'AP_50'; did you mean 'AP50'") as caught:
        run(tmp_path / "out", candidate, Rule(metric="AP_50", floor=0.0))
    assert caught.value.exit_code == 2
    mended = run(tmp_path / "out", candidate, Rule(metric="AP50", floor=0.0))  # into the same place
    assert mended.verdict.passed


def test_an_evaluation_of_another_task_is_refused(tmp_path, evaluation):
    with pytest.raises(ConfigError, match="expected the evaluation of a classifier, found that of a detector"):
        run(tmp_path / "out", evaluation("new", 20), task="classifier")


def edit_predictions(folder):
    values = json.loads((folder / "predictions.json").read_text())
    values["num_leaked"] = 7
    (folder / "predictions.json").write_text(json.dumps(values))


def edit_report(folder):
    values = json.loads((folder / "report.json").read_text())
    values["metrics"]["AR1"]["value"] = 1.0
    (folder / "report.json").write_text(json.dumps(values))


@pytest.mark.parametrize("which", ["candidate", "baseline"])
@pytest.mark.parametrize("edit", [edit_predictions, edit_report])
def test_an_evaluation_that_was_edited_is_refused(tmp_path, evaluation, which, edit):
    folders = {"candidate": evaluation("new", 15), "baseline": evaluation("old", 15)}
    edit(folders[which])
    with pytest.raises(ArtifactError, match="has changed since `scanml evaluate`"):
        run(tmp_path / "out", folders["candidate"], Rule(metric="AR1", floor=0.0), baseline=folders["baseline"])


def test_anything_but_an_evaluation_is_refused(tmp_path, finish):
    finish(tmp_path / "trained", "train", task="detector")
    with pytest.raises(ArtifactError, match="expected the output of `scanml evaluate`, found that of `scanml train`"):
        run(tmp_path / "out", tmp_path / "trained", Rule(metric="AR1", floor=0.0))
