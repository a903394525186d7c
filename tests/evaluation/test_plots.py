"""Figures: from no class to eighty, deterministic, without pyplot, and clear about shapes that do not fit."""

import io
import subprocess
import sys

import numpy as np
import pytest

from scanml.errors import DataError
from scanml.evaluation import plots
from scanml.structures import Metric

HOSTILE = ("<script>", "$x^{$", "a\nb", "", "_hidden", "n" * 500)


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60, metadata={"Software": None})
    return buffer.getvalue()


def names_of(count):
    return [f"class {i}" for i in range(count)]


def curves_of(count):
    recall = np.linspace(0, 1, 101)
    return 1 - recall ** np.linspace(1, 9, count)[:, None], recall


def legend_of(figure):
    legend = figure.axes[0].get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


@pytest.mark.parametrize(("count", "entries"), [(0, 0), (1, 1), (2, 3), (10, 11), (80, 7)])
def test_precision_recall_names_few_lines_and_draws_all(count, entries):
    figure = plots.precision_recall_figure(*curves_of(count), names_of(count))
    assert len(legend_of(figure)) == entries
    assert len(figure.axes[0].lines) == count + (count > 1)
    assert png(figure)


def test_classes_that_were_not_measured_are_left_out():
    precision, recall = curves_of(3)
    precision[0], precision[1] = -1, np.nan
    assert legend_of(plots.precision_recall_figure(precision, recall, names_of(3))) == ["class 2  0.90"]


@pytest.mark.parametrize("count", [0, 1, 11, 80])
def test_confusion_thins_its_ticks_and_numbers_only_small_matrices(count):
    figure = plots.confusion_figure(np.eye(count + 1) * 3, names_of(count))
    axes = figure.axes[0]
    assert len(axes.get_xticks()) <= 41
    assert len(axes.texts) == (count if count + 1 <= 12 else 0)  # the background's own cell stays empty
    assert png(figure)


def test_confusion_shades_are_shares_of_truth_and_of_predictions_for_the_background():
    shades = plots.confusion_figure([[6, 2], [4, 9]], ["cup"]).axes[0].images[0].get_array()
    np.testing.assert_allclose(shades[0], [0.75, 0.25])
    assert shades[1, 0] == pytest.approx(0.4) and np.ma.getmaskarray(shades)[1, 1]


def test_reliability_leaves_empty_bins_out():
    figure = plots.reliability_figure([0.2, np.nan, 0.8], [0.1, np.nan, 0.9], counts=[5, 0, 7], error=0.1)
    assert len(figure.axes[0].collections[0].get_offsets()) == 2
    assert "0.100" in figure.axes[0].get_title(loc="left")
    assert png(plots.reliability_figure([np.nan], [np.nan], counts=[0], error=float("nan")))


@pytest.mark.parametrize(("count", "rows"), [(0, 0), (1, 1), (40, 40), (80, 41)])
def test_intervals_show_all_or_both_ends(count, rows):
    figure = plots.interval_figure([Metric(f"m{i}", 0.5, 0.4, 0.6, 9) for i in range(count)])
    assert len(figure.axes[0].get_yticks()) == rows
    assert png(figure)


def test_undefined_metrics_and_missing_intervals_are_drawn():
    metrics = [Metric("a", None, None, None, 0), Metric("b", 7.5, None, None, 3), Metric("c", 0.0, 0.0, 0.0, 1)]
    figure = plots.interval_figure(metrics)
    assert "undefined" in [text.get_text() for text in figure.axes[0].texts]
    assert png(figure)


@pytest.mark.parametrize(
    ("values", "scale"),
    [([9.0, 0.1], "log"), ([1.0, 0.9], "linear"), ([9.0, -0.1], "linear"), ([np.nan, 1.0], "linear")],
)
def test_history_chooses_its_scale(values, scale):
    figure = plots.history_figure([0, 10], {"loss": values})
    assert figure.axes[0].get_yscale() == scale
    assert png(figure)


def test_history_of_nothing_and_of_one_step():
    assert png(plots.history_figure([], {})) != png(plots.history_figure([0], {"loss": [1.0]}))


def test_hostile_names_are_only_letters():
    count = len(HOSTILE)
    assert png(plots.precision_recall_figure(*curves_of(count), HOSTILE))
    assert png(plots.confusion_figure(np.ones((count + 1, count + 1)), HOSTILE))
    assert png(plots.interval_figure([Metric(name, 0.5, 0.4, 0.6, 9) for name in HOSTILE]))
    assert png(plots.history_figure([0, 1], {name: [1.0, 0.5] for name in HOSTILE}))


def test_the_same_numbers_make_the_same_bytes():
    assert png(plots.precision_recall_figure(*curves_of(5), names_of(5))) == png(
        plots.precision_recall_figure(*curves_of(5), names_of(5))
    )


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"precision must have shape \(2, 101\)"):
        plots.precision_recall_figure(*curves_of(3), names_of(2))
    with pytest.raises(DataError, match=r"must be \(3, 3\)"):
        plots.confusion_figure(np.eye(2), names_of(2))
    with pytest.raises(DataError, match="one shape"):
        plots.reliability_figure([0.1], [0.1, 0.2], counts=[1], error=0.0)
    with pytest.raises(DataError, match="must have 2 values"):
        plots.history_figure([0, 1], {"loss": [1.0]})


def test_pyplot_and_opencv_are_not_needed():
    code = (
        "import sys; from scanml.evaluation import plots; assert 'matplotlib' not in sys.modules; "
        "plots.history_figure([0], {'a': [1.0]}); assert not {'matplotlib.pyplot', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
