"""Figures of an evaluation, by Matplotlib without pyplot: nothing global, no window, the same headless or in notebooks.

Backgrounds are transparent and inks dark, so that `report_page` can turn a figure for a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError
from scanml.structures import Metric
from scanml.structures.arrays import Doubles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _QUIET, _GRID = "#1c1f26", "#6b7280", "#d9dce3"
_LEAD = "#2563eb"
# Okabe & Ito 2008: told apart with every kind of color vision; its yellow is too pale for a line.
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d")
_STYLES = ("-", "--", ":")  # after seven colors the next seven lines are dashed
_MANY_LINES = 10  # more in one figure cannot be told apart: the ends are named, the rest is a gray bundle
_MANY_ROWS = 40  # of intervals: more are cut to both ends
_CELL_NUMBERS = 12  # up to this many rows, numbers are legible inside the cells
_MAX_TICKS = 40


def precision_recall_figure(precision: npt.ArrayLike, recall: npt.ArrayLike, names: Sequence[str]) -> Figure:
    """Precision (C, 101) over recall (101,), a line per class with its average precision; of many classes the ends.

    A class whose row is not finite or negative (COCO's -1: not in this test set) is left out.

    Raises:
        DataError: shapes that do not fit each other or `names`.
    """
    curves, steps = np.asarray(precision, np.float64), np.asarray(recall, np.float64)
    if curves.shape != (len(names), len(steps)):
        raise DataError(f"precision must have shape ({len(names)}, {len(steps)}), received {curves.shape}.")
    measured = np.flatnonzero((np.isfinite(curves) & (curves >= 0)).all(axis=1))
    best_first = measured[np.argsort(-curves[measured].mean(axis=1), kind="stable")]
    figure, axes = _figure((6.4, 4.2))
    named = best_first if len(best_first) <= _MANY_LINES else np.r_[best_first[:3], best_first[-3:]]
    for row in sorted(set(best_first) - set(named)):
        axes.plot(steps, curves[row], color="#b9bec9", linewidth=0.6, zorder=1)
    if len(best_first) > 1:
        mean = curves[best_first].mean(axis=0)
        axes.plot(
            steps, mean, color=_INK, linewidth=2.6, label=f"mean of {len(best_first)}  {mean.mean():.2f}", zorder=4
        )
    for i, row in enumerate(named):
        label = f"{_short(names[row])}  {curves[row].mean():.2f}"
        axes.plot(steps, curves[row], label=label, linewidth=1.5, zorder=3, **_line_style(i))
    axes.set(xlim=(0, 1.005), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    _finish(axes, empty="no class in this test set" if not len(best_first) else "")
    return figure


def confusion_figure(matrix: npt.ArrayLike, names: Sequence[str]) -> Figure:
    """What was taken for what: counts (C + 1, C + 1), rows truth, columns prediction, the last of each the background.

    Shades are shares of a row, the background's of each column: found where nothing is. Numbers are counts.

    Raises:
        DataError: not one row and column for each of the C names and the background.
    """
    counts, size = np.asarray(matrix, np.float64), len(names) + 1
    if counts.shape != (size, size):
        raise DataError(f"a confusion matrix of {size - 1} classes must be ({size}, {size}), received {counts.shape}.")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    shares[-1] = counts[-1] / np.maximum(counts.sum(axis=0), 1.0)
    shares[-1, -1] = np.nan  # how much background was rightly left alone is not countable
    side = float(np.clip(2.2 + 0.45 * size, 3.6, 9.0))
    figure, axes = _figure((side + 0.8, side))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = [_short(name) for name in (*names, "background")]
    every = -(-size // _MAX_TICKS)
    ticks = [i for i in range(size) if i % every == 0]
    font_size = 9 if size <= 20 else 6.5
    axes.set_xticks(ticks, [labels[i] for i in ticks], rotation=90 if size > 6 else 0, fontsize=font_size)
    axes.set_yticks(ticks, [labels[i] for i in ticks], fontsize=font_size)
    axes.set(xlabel="prediction", ylabel="truth")
    if size <= _CELL_NUMBERS:
        _write_counts(axes, counts, shares)
    _finish(axes, grid=False)
    return figure


def reliability_figure(
    confidence: npt.ArrayLike, accuracy: npt.ArrayLike, *, counts: npt.ArrayLike, error: float
) -> Figure:
    """Mean confidence (B,) against the share that was right (B,) for B bins of `counts` (B,) predictions.

    `error` is the expected calibration error; empty bins (count 0, whatever the other values) are left out.

    Raises:
        DataError: the three differ in shape.
    """
    confidences, accuracies, sizes = (np.asarray(values, np.float64) for values in (confidence, accuracy, counts))
    if not confidences.shape == accuracies.shape == sizes.shape:
        shapes = f"{confidences.shape}, {accuracies.shape}, {sizes.shape}"
        raise DataError(f"confidence, accuracy and counts must have one shape (B,), received {shapes}.")
    filled = sizes > 0
    figure, axes = _figure((4.6, 4.2))
    axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--", label="perfectly calibrated")
    areas = 24 + 220 * sizes[filled] / max(sizes.sum(), 1.0)  # points²: the area says how many predictions
    axes.plot(confidences[filled], accuracies[filled], color=_LEAD, linewidth=1.2, alpha=0.5)
    label = f"measured, n = {int(sizes.sum()):,}" if filled.any() else None
    axes.scatter(confidences[filled], accuracies[filled], s=areas, color=_LEAD, label=label, zorder=3)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share that was right")
    axes.set_title(f"expected calibration error {error:.3f}", fontsize=10, color=_INK, loc="left")
    _finish(axes, inside=True, empty="" if filled.any() else "no predictions")
    return figure


def interval_figure(metrics: Sequence[Metric]) -> Figure:
    """A dot for each metric and a whisker for its 95 % interval, in the order given; of more than 40, both ends."""
    cut = len(metrics) > _MANY_ROWS
    rows: list[Metric | None] = list(metrics)
    if cut:
        half = _MANY_ROWS // 2
        rows = [*metrics[:half], None, *metrics[-half:]]
    figure, axes = _figure((6.4, 0.9 + 0.3 * max(len(rows), 1)))
    for row, metric in enumerate(rows):
        if metric is not None:
            _draw_interval(axes, row, metric)
    left_out = f"… {len(metrics) - _MANY_ROWS} more …"
    axes.set_yticks(range(len(rows)), [_short(metric.name) if metric else left_out for metric in rows])
    axes.set(ylim=(max(len(rows), 1) - 0.5, -0.5))
    if all(0 <= number <= 1 for metric in metrics for number in (metric.value, metric.low, metric.high) if number):
        axes.set_xlim(-0.01, 1.01)
    _finish(axes, empty="" if metrics else "no metrics")
    axes.grid(False, axis="y")
    return figure


def count_figure(counts: Mapping[str, int]) -> Figure:
    """A bar for each name, most first; of more than 40, both ends."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    cut, half = len(ordered) > _MANY_ROWS, _MANY_ROWS // 2
    rows = [*ordered[:half], (f"… {len(ordered) - _MANY_ROWS} more …", 0), *ordered[-half:]] if cut else ordered
    figure, axes = _figure((6.4, 0.9 + 0.3 * max(len(rows), 1)))
    axes.barh(range(len(rows)), [count for _, count in rows], color=_LEAD, height=0.62)
    for row, (_, count) in enumerate(rows):
        if not cut or row != half:
            axes.annotate(f" {count:,}", (count, row), va="center", color=_INK, fontsize=8.5)
    axes.set_yticks(range(len(rows)), [_short(name) for name, _ in rows])
    axes.set(ylim=(max(len(rows), 1) - 0.5, -0.5))
    _finish(axes, empty="" if rows else "nothing to count")
    axes.grid(False, axis="y")
    return figure


def history_figure(steps: Sequence[int], series: Mapping[str, Sequence[float]]) -> Figure:
    """A line per series over training steps; logarithmic where all is positive and spans more than a factor of 20.

    Raises:
        DataError: a series whose length differs from that of `steps`.
    """
    figure, axes = _figure((6.4, 3.4))
    marker = "o" if len(steps) == 1 else ""  # one step is no line yet
    for i, (name, values) in enumerate(series.items()):
        if len(values) != len(steps):
            raise DataError(f"series {name!r} must have {len(steps)} values, received {len(values)}.")
        axes.plot(steps, values, label=_short(name), linewidth=1.6, marker=marker, **_line_style(i))
    numbers = np.array([value for values in series.values() for value in values], np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) and numbers.min() > 0 and numbers.max() > 20 * numbers.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    axes.set(xlabel="step")
    _finish(axes, empty="" if len(numbers) else "no steps yet")
    return figure


def _figure(size: tuple[float, float]) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=100, layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    return figure, axes


def _finish(axes: Axes, *, grid: bool = True, inside: bool = False, empty: str = "") -> None:
    """Quiet axes, a legend where lines have names, a sentence where there is nothing to see."""
    axes.spines[:].set_color(_GRID)
    axes.spines[["top", "right"]].set_visible(not grid)
    axes.tick_params(which="both", colors=_QUIET, labelcolor=_INK, length=0, labelsize=None if not grid else 9)
    axes.xaxis.label.set(color=_QUIET, fontsize=9.5)
    axes.yaxis.label.set(color=_QUIET, fontsize=9.5)
    if grid:
        axes.grid(True, color=_GRID, linewidth=0.6, alpha=0.8)
        axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[1]:
        where = {"loc": "upper left"} if inside else {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)}
        axes.legend(frameon=False, fontsize=8.5, labelcolor=_INK, handlelength=1.8, **where)
    if empty:
        axes.text(0.5, 0.5, empty, transform=axes.transAxes, ha="center", va="center", color=_QUIET, fontsize=10)


def _line_style(index: int) -> dict[str, Any]:
    color = _LINES[index % len(_LINES)]
    return {"color": color, "linestyle": _STYLES[index // len(_LINES) % len(_STYLES)]}


def _write_counts(axes: Axes, counts: Doubles, shares: Doubles) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if counts[row, column] and np.isfinite(share):
            color = "#ffffff" if share > 0.55 else _INK  # where Blues turns darker than middle gray
            text = f"{counts[row, column]:,.0f}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8.5)


def _draw_interval(axes: Axes, row: int, metric: Metric) -> None:
    if metric.value is None:
        axes.text(0.01, row, "undefined", va="center", color=_QUIET, fontsize=8.5)
        return
    if metric.low is not None and metric.high is not None:
        axes.plot([metric.low, metric.high], [row, row], color=_LEAD, linewidth=5, alpha=0.28, solid_capstyle="round")
    axes.plot([metric.value], [row], "o", color=_LEAD, markersize=6)
    text = f"{metric.value:.3f}"
    axes.annotate(text, (1.01, row), xycoords=("axes fraction", "data"), va="center", color=_INK, fontsize=8.5)


def _short(name: str, length: int = 28) -> str:
    """A name as it may stand in a figure: one line, no longer than `length`, its dollar signs no mathematics."""
    clean = "".join(letter if letter.isprintable() else " " for letter in name)
    return (clean if len(clean) <= length else clean[: length - 1] + "…").replace("$", r"\$")
