"""The page that a run ends with: what the model sees in photos, how good it is, what the gate said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scanml.evaluation.gallery import DRAW_FROM, draw_reading, encode_jpeg
from scanml.evaluation.report_page import Page
from scanml.pipelines.run import Finished
from scanml.structures.reports import Metric
from scanml.tracking import MlflowTracker, recording
from scanml.tracking.journal import UNSENT

HEADLINES = {"detector": ("AP50", "AP", "IoU"), "classifier": ("mAP", "F1", "ECE")}


@dataclass(frozen=True)
class Photo:
    """A photo to show, encoded; a drawn one knows which lens should come first, and why."""

    name: str
    data: bytes
    expected_lens: str | None = None
    why: str = ""


def headline_metrics(finished: Finished) -> list[tuple[str, Metric]]:
    """(task, metric) of what is said first about each model."""
    return [
        (task, report.metrics[name])
        for task, names in HEADLINES.items()
        if (report := finished.reports.get(f"evaluate-{task}"))
        for name in names
        if name in report.metrics
    ]


def write_summary(finished: Finished, *, photos: Sequence[Photo], title: str) -> int | None:
    """Write `out`/report.html; returns how many photos got the lens that was expected first (None: not known)."""
    page = Page(title, f"scanml · {finished.out.resolve().name}")
    _add_badges(page, finished)
    num_right = _add_photos(page, finished, photos) if finished.refused is None and photos else None
    page.heading("How good it is")
    page.table(
        ["model", "metric", "value", "95 % interval", "test images"],
        [[task, m.name, m.value, _interval(m), m.num_units] for task, m in headline_metrics(finished)],
    )
    page.heading("What the gate said")
    for report in finished.reports.values():
        if report.step == "gate" or not report.verdict.passed:
            for reason in report.verdict.reasons[:20]:
                page.text(" ".join(filter(None, (report.step, report.task))) + f": {reason}")
    page.heading("Every step")
    page.table(
        ["step", "verdict", "seconds", "core seconds"],
        [
            [name, "yes" if report.verdict.passed else "no", report.seconds, report.cpu_seconds]
            for name, report in finished.reports.items()
        ],
    )
    pages = [name for name in finished.reports if (finished.out / name / "page.html").exists()]
    page.links((f"{name} in full", f"{name}/page.html") for name in pages)
    page.write(finished.out / "report.html")
    state, unsent = finished.state, finished.out / UNSENT
    with recording(MlflowTracker.resume(state.tracking_uri, state.parent_run_id, unsent=unsent)) as tracker:
        tracker.log_artifact(finished.out / "report.html")
    return num_right


def _add_badges(page: Page, finished: Finished) -> None:
    for report in finished.reports.values():
        if report.step == "gate":
            smoke, passed = report.verdict.smoke, report.verdict.passed
            word = "smoke test" if smoke else "released" if passed else "refused"
            page.badge(f"{report.task}: {word}", tone="caution" if smoke else "good" if passed else "bad")
        elif not report.verdict.passed:
            page.badge(f"{report.step} refused", tone="bad")


def _add_photos(page: Page, finished: Finished, photos: Sequence[Photo]) -> int | None:
    """Each photo with everything that was read in it and its ranked lenses, first of all on the page."""
    from scanml.datasets.images import decode_image
    from scanml.serving import Recommender

    recommender = Recommender(finished.out / "bundle")
    names = {lens.lens_id: lens.name for lens in recommender.catalog.lenses}
    num_right = 0
    page.heading(f"{len(photos)} frames, read by the exported bundle")
    for photo in photos:
        result = recommender.recommend(photo.data, photo.name, top_k=5)
        right = bool(result.lenses) and result.lenses[0].lens_id == photo.expected_lens
        num_right += right
        pixels = decode_image(photo.data, where=photo.name)
        drawn = draw_reading(pixels, result.reading, result.lenses, names, min_score=DRAW_FROM)
        expected = names.get(str(photo.expected_lens), photo.expected_lens)
        caption = f"{photo.name}: expected first is {expected}, {photo.why}. {'Right.' if right else 'Wrong.'}"
        page.figure(encode_jpeg(drawn), caption=caption if photo.expected_lens else photo.name)
    known = [photo for photo in photos if photo.expected_lens]
    return num_right if known else None


def _interval(metric: Metric) -> str:
    return "–" if metric.low is None or metric.high is None else f"{metric.low:.3f} … {metric.high:.3f}"
