"""Findings are put together by kind, counted in full, named within a bound."""

import copy
import dataclasses
import json
import pickle
from collections import Counter

import pytest

from scanml.errors import DataError
from scanml.structures import DataReport, Finding, Spot
from scanml.structures.findings import MAX_RECORDS, bounded

EVIL = "<script>alert(1)</script>"


def finding(kind, *, severity="warning", where="a.json", count=1):
    return Finding(severity, where, "odd.", "Mend it.", kind, count=count)


def test_a_data_report_passes_unless_a_finding_is_an_error():
    warning, error = (Finding(severity, "a.json", "odd.", "Mend it.") for severity in ("warning", "error"))
    assert DataReport().passed
    assert DataReport((warning,)).passed
    report = DataReport((warning, error))
    assert not report.passed
    assert report.errors == (error,)
    assert str(error) == "error: a.json: odd. Mend it."


def test_a_finding_is_an_error_or_a_warning():
    assert str(Finding("error", "a.json", "odd.", "")) == "error: a.json: odd."
    with pytest.raises(DataError, match=r"severity must be one of .*received 'fatal'"):
        Finding("fatal", "a.json", "odd.", "")


def test_findings_of_a_kind_and_severity_are_one_group_errors_first():
    found = (finding("b"), finding("a"), finding("c", severity="error"), finding("b"), finding("b", severity="error"))
    groups = DataReport(found).groups
    assert [(group.severity, group.kind, group.count) for group in groups] == [
        ("error", "c", 1),
        ("error", "b", 1),
        ("warning", "b", 2),
        ("warning", "a", 1),
    ]


def test_a_group_names_three_records_and_how_many_more_there_are():
    found = tuple(finding("b", where=f"record {index}") for index in range(5))
    (group,) = DataReport(found).groups
    assert str(group) == (
        "warning: b (5): record 0: odd. Mend it.; record 1: odd. Mend it.; record 2: odd. Mend it.; … and 2 more"
    )
    (one,) = DataReport(found[:1]).groups
    assert str(one) == "warning: b (1): record 0: odd. Mend it."


def test_bounding_keeps_every_count_and_the_first_of_every_kind():
    many = [finding("abc"[index % 3], where=str(index)) for index in range(5000)] + [finding("few")]
    kept = bounded(many)
    expected = Counter(f.kind for f in many)
    assert {group.kind: group.count for group in DataReport(tuple(kept)).groups} == expected
    for kind in "abc":
        named = [f for f in kept if f.kind == kind and f.count == 1]
        assert named == [f for f in many if f.kind == kind][:MAX_RECORDS]
    assert len(kept) == 3 * (MAX_RECORDS + 1) + 1
    assert bounded(kept) == kept
    assert bounded([]) == []


def test_a_report_goes_to_json_with_its_kinds():
    report = DataReport((finding("b"), finding("b", count=7)), {"boxes": 3}, {"cat": {"train": 2}})
    assert json.loads(json.dumps(report.to_json())) == {
        "counts": {"boxes": 3},
        "class_counts": {"cat": {"train": 2}},
        "findings": [
            {
                "severity": "warning",
                "kind": "b",
                "count": 8,
                "records": [{"where": "a.json", "problem": "odd.", "remedy": "Mend it."}],
            }
        ],
    }


def test_a_report_draws_what_counts_and_runs_no_name():
    assert "passed, findings: 1" in DataReport((finding("b"),))._repr_html_()
    assert "refused, findings: 7" in DataReport((finding("b", severity="error", count=7),))._repr_html_()
    for report in (DataReport((Finding("error", EVIL, EVIL, EVIL, EVIL),)), DataReport(counts={EVIL: 3})):
        assert EVIL not in report._repr_html_()
        assert "&lt;script&gt;" in report._repr_html_()


def test_a_report_is_locked_and_can_be_copied_and_pickled(tmp_path):
    counts, classes = {"images": 3}, {"cat": {"train": 2}}
    spots = (Spot(tmp_path / "a.jpg", (0.0, 0.0, 1.0, 1.0), (4, 4)),)
    report = DataReport((Finding("error", "a", "b", "c", "d", spots),), counts, classes)
    counts.clear(), classes.clear()
    assert report.counts == {"images": 3} and report.class_counts == {"cat": {"train": 2}}
    for values in (report.counts, report.class_counts):
        with pytest.raises(TypeError):
            values["new"] = 1
    assert pickle.loads(pickle.dumps(report)) == copy.deepcopy(report) == dataclasses.replace(report) == report
