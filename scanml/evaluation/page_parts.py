"""What the pages of detector and classifier have in common: the top of the page, tables of metrics, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanml.evaluation.gallery import encode_jpeg, shrink
from scanml.evaluation.plots import interval_figure
from scanml.evaluation.predictions import Predictions
from scanml.evaluation.report_page import Page
from scanml.structures import Metric
from scanml.structures.arrays import Pixels

PICTURE_WIDTH = 640  # pixels: drawn at this width at least, so that labels can be read
_MAX_SIDE, _JPEG_QUALITY = 800, 82  # about 60 kB a picture


_TITLES = {"detector": "Detector", "classifier": "Trigger classifier"}
_KINDS = {"detector": "classes", "classifier": "triggers"}
_HEADLINES: dict[str, dict[str, str]] = {
    "detector": {
        "AP": "AP, mean over IoU .50–.95",
        "AP50": "AP at IoU .50",
        "AR100": "recall, IoU .50–.95",
        "IoU": "IoU of what was found",
    },
    "classifier": {"mAP": "mean average precision", "F1": "mean F1", "ECE": "calibration error"},
}


def begin_page(predictions: Predictions, metrics: Mapping[str, Metric], *, note: str) -> Page:
    """A page with its warnings, its first numbers, and `note`: what they were measured on."""
    headline, size = _HEADLINES[predictions.task], f"{len(predictions):,} test images"
    kinds = f"{len(predictions.names):,} {_KINDS[predictions.task]}"
    page = Page(_TITLES[predictions.task], f"{size}, {kinds}, test set {predictions.test_fingerprint}")
    if predictions.num_leaked:
        page.badge(f"leak: {predictions.num_leaked:,} of {size} were trained on", tone="bad")
    undefined = [name for name in headline if metrics[name].value is None]
    if undefined:
        page.badge(f"undefined on this test set: {', '.join(undefined)}", tone="caution")
    page.numbers((words, number(metrics[name]), interval(metrics[name])) for name, words in headline.items())
    page.text(note)
    return page


def add_metrics(page: Page, metrics: Mapping[str, Metric], meanings: Mapping[str, str]) -> None:
    """A table of the metrics that `meanings` explains, and their intervals side by side."""
    shown = [metrics[name] for name in meanings]
    rows = [[m.name, m.value, interval(m), meanings[m.name]] for m in shown]
    page.table(["metric", "value", "95 % interval", "what it is"], rows)
    page.figure(interval_figure(shown), caption="The same numbers with their 95 % intervals.")


def worst_first(names: Sequence[str], metrics: Mapping[str, Metric], kind: str) -> list[str]:
    """`names` by ascending metric "<kind>/<name>"; those without one last."""

    def order(name: str) -> float:
        value = metrics[f"{kind}/{name}"].value
        return 2.0 if value is None else value

    return sorted(names, key=order)


def number(metric: Metric) -> str:
    """The value with three decimals, or a dash."""
    return "–" if metric.value is None else f"{metric.value:.3f}"


def interval(metric: Metric) -> str:
    """The interval in brackets, or a dash."""
    return "–" if metric.low is None or metric.high is None else f"[{metric.low:.3f}, {metric.high:.3f}]"


def picture(pixels: Pixels) -> bytes:
    """`pixels` (H, W, 3) as a JPEG for a gallery."""
    return encode_jpeg(shrink(pixels, max_side=_MAX_SIDE), _JPEG_QUALITY)
