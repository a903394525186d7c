"""Reports go to JSON and back, say their numbers with interval and n, and draw no foreign HTML."""

import copy
import dataclasses
import json
import math
import pickle

import pytest

from scanml.errors import DataError
from scanml.structures import EvalReport, GateVerdict, Metric

EVIL = "<script>alert(1)</script>"


def test_a_metric_says_its_interval_and_number_of_units():
    assert str(Metric("AP", 0.5, 0.4, 0.6, 30)) == "AP 0.500 [0.400, 0.600] (n = 30)"
    assert str(Metric("AP", 0.5, None, None, 1)) == "AP 0.500 (n = 1)"
    assert str(Metric("AP", None, None, None, 0)) == "AP undefined (n = 0)"


def test_what_is_not_a_number_is_undefined():
    assert Metric("AP", math.nan, math.nan, 0.5, 3) == Metric("AP", None, None, 0.5, 3)


def test_an_evaluation_returns_from_json_without_its_page():
    report = EvalReport("detector", {"AP": Metric("AP", 0.5, 0.4, None, 9)}, 9, "abc", 2, page="<html>")
    back = EvalReport.from_json(json.loads(json.dumps(report.to_json())), where="report.json")
    assert back.metrics == report.metrics
    assert (back.task, back.num_images, back.test_fingerprint, back.num_leaked, back.page) == (
        "detector",
        9,
        "abc",
        2,
        "",
    )


def test_a_verdict_returns_from_json():
    verdict = GateVerdict(False, ("AP is below 0.5",), smoke=True)
    assert GateVerdict.from_json(json.loads(json.dumps(verdict.to_json())), where="report.json") == verdict


def test_reports_draw_what_counts():
    report = EvalReport("detector", {"AP": Metric("AP", None, None, 0.25, 9)}, 9, "abc", num_leaked=2)
    assert "detector on 9 test images, 2 of them trained on" in report._repr_html_()
    assert "<td>AP<td>–<td>–<td>0.250<td>9" in report._repr_html_()
    assert "<td>yes (smoke)<td>no rule" in GateVerdict(True, ("no rule",), smoke=True)._repr_html_()
    assert "<td>yes<td><" in GateVerdict(True, ())._repr_html_()


def test_names_from_data_are_shown_and_not_run():
    pages = [
        EvalReport("detector", {EVIL: Metric(EVIL, 0.5, 0.4, 0.6, 9)}, 9, "abc")._repr_html_(),
        Metric(EVIL, 0.5, 0.4, 0.6, 9)._repr_html_(),
        GateVerdict(False, (EVIL,))._repr_html_(),
    ]
    for page in pages:
        assert EVIL not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(("low", "high", "num_units"), [(0.9, 0.1, 3), (0.1, 0.9, -3)])
def test_a_metric_that_makes_no_sense_is_refused(low, high, num_units):
    with pytest.raises(DataError, match="metric 'x' needs low <= high and num_units >= 0"):
        Metric("x", 0.5, low, high, num_units)


def test_reports_are_locked_and_can_be_copied_and_pickled():
    metrics = {"AP": Metric("AP", 0.5, 0.4, 0.6, 9)}
    report = EvalReport("detector", metrics, 9, "abc", page="<html>")
    metrics.clear()
    assert "AP" in report.metrics
    with pytest.raises(TypeError):
        report.metrics["new"] = 1
    assert pickle.loads(pickle.dumps(report)) == copy.deepcopy(report) == dataclasses.replace(report) == report
