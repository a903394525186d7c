"""Triggers are read line by line; a wrong line is named and the others count."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.datasets.coco import RawImage
from scanml.datasets.triggers import attach, check_names, read_triggers
from scanml.errors import DataError


def read(folder, *lines):
    path = folder / "triggers.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n", "utf-8")
    return read_triggers(path)


def picture(name):
    return RawImage(Path(name), name, 1, 4, 3)


def test_present_and_absent_are_read_and_names_are_sorted(tmp_path):
    triggers = read(tmp_path, {"image": "a.jpg", "present": ["sky", "dog"], "absent": ["cat"]}, "", {"image": "b.jpg"})
    assert triggers.findings == ()
    assert triggers.names == ("cat", "dog", "sky")
    assert triggers.by_image == {"a.jpg": ({"sky", "dog"}, {"cat"}), "b.jpg": (frozenset(), frozenset())}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "a.jpg"', "not JSON"),
        ("[]", "expected an object with an 'image'"),
        ("3", "expected an object with an 'image'"),
        ({"present": []}, "expected an object with an 'image'"),
        ({"image": 3}, "expected a file name"),
        ({"image": ""}, "expected a file name"),
        ({"image": "../a.jpg"}, "leads out"),
        ({"image": "/a.jpg"}, "leads out"),
        ({"image": "ok.jpg"}, "has a line already"),
        ({"image": "a", "present": "sky"}, "expected lists of names"),
        ({"image": "a", "present": [3]}, "expected lists of names"),
        ({"image": "a", "present": [["sky"]]}, "expected lists of names"),
        ({"image": "a", "present": [""]}, "expected lists of names"),
        ({"image": "a", "present": None}, "expected lists of names"),
        ({"image": "a", "presnt": []}, "'present' and 'absent' only"),
        ({"image": "a", "present": ["x", "y"], "absent": ["y"]}, r"\['y'\] are both present and absent"),
        ('{"image": 1' + "0" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_wrong_line_is_named_by_its_number_and_left_out(tmp_path, line, message):
    triggers = read(tmp_path, {"image": "ok.jpg", "present": ["sky"]}, line)
    (finding,) = triggers.findings
    assert finding.severity == "error"
    assert finding.where == f"{tmp_path / 'triggers.jsonl'}: line 2"
    assert re.search(message, finding.problem)
    assert set(triggers.by_image) == {"ok.jpg"}


def test_every_line_that_names_an_image_lists_it(tmp_path):
    assert read(tmp_path, {"image": "a"}, {"image": "b", "present": 3}, {"image": "../c"}, "{").listed == {"a", "b"}


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\x1f"])
def test_only_line_feeds_end_a_line(tmp_path, mark):
    line = json.dumps({"image": "a.jpg", "present": [f"x{mark}y"]}, ensure_ascii=mark == "\x1f")
    triggers = read(tmp_path, line + "\r")
    assert triggers.findings == ()
    assert triggers.names == (f"x{mark}y",)


def test_a_byte_order_mark_is_fine(tmp_path):
    assert read(tmp_path, '\ufeff{"image": "a.jpg"}').findings == ()


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    (tmp_path / "latin.jsonl").write_bytes(b'{"image": "\xe4.jpg"}')
    with pytest.raises(DataError, match=r"latin\.jsonl: expected UTF-8 text, received byte 11"):
        read_triggers(tmp_path / "latin.jsonl")
    for path in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(DataError, match=str(path)):
            read_triggers(path)


def test_what_is_not_listed_is_unknown_or_absent_as_asked(tmp_path):
    triggers = read(tmp_path, {"image": "a", "present": ["sky"]}, {"image": "b", "absent": ["dog"]})
    pictures = [picture("a"), picture("b"), picture("unlabelled")]
    unknown = attach(pictures, triggers, unlisted_absent=False)
    assert [(p.present, p.absent) for p in unknown] == [({"sky"}, set()), (set(), {"dog"}), (set(), set())]
    absent = attach(pictures, triggers, unlisted_absent=True)
    assert [(p.present, p.absent) for p in absent] == [({"sky"}, {"dog"}), (set(), {"dog", "sky"}), (set(), set())]


def test_lines_about_pictures_that_nobody_lists_are_named(tmp_path):
    triggers = read(tmp_path, {"image": "a"}, {"image": "b"})
    (finding,) = check_names(triggers, {"a", "c"})
    assert "image 'b'" in finding.where


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
RECORD = st.fixed_dictionaries({"image": st.text(max_size=4) | JSON}, optional={"present": JSON, "absent": JSON})


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORD | JSON, max_size=4))
def test_any_lines_are_read_or_named(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    triggers = read_triggers(path)
    assert len(triggers.by_image) + len(triggers.findings) == len(records)
