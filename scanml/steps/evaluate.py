"""`scanml evaluate`: how good is a model on the test split? Writes predictions.json and page.html."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from scanml.errors import ArtifactError, GateError
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport

if TYPE_CHECKING:
    from scanml.structures.batches import Task
    from scanml.structures.examples import LabelSpace


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Measure `model` (output of `train`, or a bundle) on the test split of `shards`.

    Refuses when the shards differ from their checksums. The names of a trained model must be those of the shards; of a
    bundle, such as the champion of earlier data, they meet by name.
    """
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    from scanml.datasets import open_split
    from scanml.evaluation import collect, judge, write_predictions
    from scanml.training.device import prefer_backend

    folder = job.inputs["shards"] / "shards" / "test"
    try:
        test = open_split(folder)
    except ArtifactError as error:
        if not (folder / "index.json").exists():
            raise  # no shards at all: a wrong path, no judgment
        raise GateError(f"{error} Then evaluate with --fresh.") from error
    prefer_backend(job.experiment.train_config(str(job.task)).backend)
    model, trained_on = _open_model(job, test.labels)
    predictions = collect(model, test, task=cast("Task", job.task), trained_on=trained_on)
    write_predictions(predictions, job.folder / "predictions.json")
    settings = job.experiment.evaluation
    report = judge(predictions, examples=test, num_resamples=settings.num_resamples, seed=settings.seed)
    (job.folder / "page.html").write_text(report.page, encoding="utf-8")
    facts = {
        "test_fingerprint": report.test_fingerprint,
        "images": report.num_images,
        "leaked_images": report.num_leaked,
    }
    tags = {"scanml.test_fingerprint": report.test_fingerprint}
    return Outcome(metrics=report.metrics, facts=facts, artifacts=("predictions.json",), tags=tags)


def _open_model(job: Job, labels: LabelSpace) -> tuple[object, tuple[str, ...] | None]:
    """What reads frames, and the pixel hashes of what it was trained on; a bundle does not know them."""
    folder = job.inputs["model"]
    if (folder / "manifest.json").exists():
        from scanml.serving import SceneBundle

        return SceneBundle(folder), None
    from scanml.training.checkpoint import load_model, read_header

    checkpoint = folder / "checkpoint" if (folder / "checkpoint").is_dir() else folder
    header = read_header(checkpoint)
    _refuse_other_names(job, header.labels, labels)
    return load_model(checkpoint), header.trained_on


def _refuse_other_names(job: Job, trained: LabelSpace, tested: LabelSpace) -> None:
    """A number over other names would look like a better or worse model."""
    kind = "class_names" if job.task == "detector" else "trigger_names"
    ours, theirs = getattr(trained, kind), getattr(tested, kind)
    sides = {"the model knows": sorted(set(ours) - set(theirs)), "the shards know": sorted(set(theirs) - set(ours))}
    words = [f"only {side} {names[:9]}" for side, names in sides.items() if names]
    if words:
        raise ArtifactError(
            f"{job.inputs['model']}: was trained on other {kind.replace('_', ' ')} than {job.inputs['shards']} have: "
            f"{', '.join(words)}. Train on these shards, or evaluate on those that it was trained on."
        )


STEP = Step(
    "evaluate",
    ("model", "shards"),
    _work,
    lambda experiment, _: experiment.evaluation,
    takes_task=True,
)
