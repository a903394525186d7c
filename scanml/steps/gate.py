"""`scanml gate`: may this model go out? Reads what `evaluate` wrote about it and the baseline; writes a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.config import nearest
from scanml.errors import ConfigError
from scanml.evaluation import Predictions, compare, read_predictions
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment, Rule
from scanml.steps.report import StepReport, read_verified
from scanml.structures.reports import GateVerdict, Metric


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Apply every rule to `candidate` (and `baseline`), outputs of `evaluate`; refuses when a rule fails."""
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    folder = job.inputs["candidate"]
    report, candidate = read_verified(folder, step="evaluate"), read_predictions(folder / "predictions.json")
    if candidate.task != job.task:
        raise ConfigError(f"{folder}: expected the evaluation of a {job.task}, found that of a {candidate.task}.")
    rules = job.experiment.gate.rules(candidate.task)
    for rule in rules:
        if rule.metric not in report.metrics:
            raise ConfigError(
                f"a {job.task} has no metric {rule.metric!r}; {nearest(rule.metric, list(report.metrics))}"
            )
    drops = _drops(job, candidate, rules)
    judged = [_judge_leak(candidate), *(_judge(rule, report.metrics, drops) for rule in rules)]
    reasons = tuple(f"{'yes' if passed else 'no'}: {reason}" for passed, reason in judged)
    passed = all(passed for passed, _ in judged)
    smoke = job.experiment.smoke
    verdict = GateVerdict(passed or smoke, reasons, smoke=smoke)
    return Outcome(verdict=verdict, metrics=report.metrics, facts={"model": report.inputs["model"], "judged": passed})


def _drops(job: Job, candidate: Predictions, rules: tuple[Rule, ...]) -> dict[str, float]:
    """By metric, how far the candidate can have fallen below the baseline, with 95 % confidence."""
    if "baseline" not in job.inputs:
        return {}
    read_verified(job.inputs["baseline"], step="evaluate")
    baseline = read_predictions(job.inputs["baseline"] / "predictions.json")
    names = [rule.metric for rule in rules if rule.max_drop is not None]
    settings = job.experiment.evaluation
    differences = compare(candidate, baseline, names, num_resamples=settings.num_resamples, seed=settings.seed)
    return {name: -difference.at_least for name, difference in differences.items()}


def _judge_leak(candidate: Predictions) -> tuple[bool, str]:
    count = len(candidate)
    if candidate.num_leaked is None:
        return False, "it is not known whether test images were trained on; evaluate the output of `train`"
    return candidate.num_leaked == 0, f"{candidate.num_leaked} of {count} test images were trained on, 0 are allowed"


def _judge(rule: Rule, metrics: Mapping[str, Metric], drops: Mapping[str, float]) -> tuple[bool, str]:
    metric = metrics[rule.metric]
    if metric.value is None:
        return False, f"{rule.metric} is not defined on this test set"
    passed, reason = True, f"{metric}"
    if rule.floor is not None:
        passed = metric.value >= rule.floor
        reason += f", floor {rule.floor:.3f}"
    if rule.max_drop is not None and rule.metric in drops:
        drop = drops[rule.metric]
        passed = passed and drop <= rule.max_drop
        reason += f", at most {drop:.3f} below the baseline (95 %), allowed {rule.max_drop:.3f}"
    elif rule.max_drop is not None:
        reason += ", no baseline"
    return passed, reason


STEP = Step(
    "gate",
    ("candidate",),
    _work,
    lambda experiment, task: [experiment.gate.rules(str(task)), experiment.evaluation],
    optional=("baseline",),
    takes_task=True,
)
