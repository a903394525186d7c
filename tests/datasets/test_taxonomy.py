"""Labels and what they imply: laws of propagation, contradictions, and files that are no taxonomy."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import write_pictures

from scanml.datasets import load_folder, open_split, write_shards
from scanml.datasets.folder import read_folder
from scanml.datasets.taxonomy import MAX_PAIRS, Taxonomy, propagate, read_taxonomy
from scanml.datasets.triggers import TriggerLabels

FOOD = {"cola": "drink", "drink": ["food", "liquid"], "cake": "food"}
LABELLED = ("cake", "cola", "drink", "food", "liquid", "sky")


def read(folder, content, labelled=LABELLED):
    path = folder / "taxonomy.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return read_taxonomy(path, labelled)


def labels(**by_image):
    sets = {image: (frozenset(present), frozenset(absent)) for image, (present, absent) in by_image.items()}
    names = sorted({name for pair in sets.values() for part in pair for name in part})
    return TriggerLabels(Path("triggers.jsonl"), sets, tuple(names))


def test_presence_rises_and_absence_falls(tmp_path):
    taxonomy = read(tmp_path, FOOD)
    assert taxonomy.findings == ()
    found = propagate(labels(a=(["cola"], ["cake"]), b=([], ["food"]), c=(["food"], ["sky"])), taxonomy)
    assert found.findings == ()
    assert found.by_image["a"] == ({"cola", "drink", "food", "liquid"}, {"cake"})
    assert found.by_image["b"] == (set(), {"food", "drink", "cola", "cake"})  # liquid stays unknown
    assert found.by_image["c"] == ({"food"}, {"sky"})  # which food, nobody said
    assert found.names == LABELLED
    assert found.parents == (("cake", "food"), ("cola", "drink"), ("drink", "food"), ("drink", "liquid"))


NAMES = st.sets(st.sampled_from("abcdef"), max_size=3)
EDGES = st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")).filter(lambda e: e[0] < e[1]))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(EDGES, NAMES, NAMES)
def test_labels_agree_with_every_single_parent(edges, present, absent):
    taxonomy = Taxonomy(Path("taxonomy.json"), tuple(sorted(edges)))
    found = propagate(labels(image=(present, absent - present)), taxonomy)
    if found.findings:
        assert not found.by_image
        return
    yes, no = found.by_image["image"]
    assert not yes & no and present <= yes and absent - present <= no
    for child, parent in edges:
        assert child not in yes or parent in yes
        assert parent not in no or child in no
    assert propagate(found, taxonomy).by_image == found.by_image


def test_a_picture_that_contradicts_the_taxonomy_is_named(tmp_path):
    found = propagate(labels(bad=(["cola"], ["food"]), good=(["sky"], [])), read(tmp_path, FOOD))
    (finding,) = found.findings
    assert finding.severity == "error" and finding.where.endswith("image 'bad'")
    assert finding.kind == "label against the taxonomy"
    assert finding.problem == "'cola' is present, but 'food', which it implies, is absent."
    assert set(found.by_image) == {"good"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "^line 1, column 2: .* truncated or damaged"),
        ("[]", "expected an object"),
        ("[" * 100_000, "not JSON"),
        ('{"a": "b", "a": "c"}', "'a' is there twice"),
        ({"cola": 3}, "'cola': expected the name of its parent"),
        ({"cola": ["drink", None]}, "'cola': expected the name of its parent"),
        ({"cola": {"drink": 1}}, "'cola': expected the name of its parent"),
        ({"": "drink"}, "expected the name"),
        ({"cola": "drink", "drink": "cola"}, "in a circle"),
        ({"cola": "cola"}, "in a circle"),
        ({str(i): "x" for i in range(MAX_PAIRS + 1)}, "at most 2000"),
        (" " * (2 << 20), "larger than 1 MB"),
    ],
)
def test_what_is_no_taxonomy_is_refused_by_its_file(tmp_path, content, message):
    taxonomy = read(tmp_path, content)
    (finding,) = taxonomy.findings
    assert taxonomy.parents == ()
    assert (finding.severity, finding.where) == ("error", str(tmp_path / "taxonomy.json"))
    assert finding.kind == "wrong taxonomy"
    assert re.search(message, finding.problem)


def test_a_name_that_no_picture_has_is_refused_with_the_nearest(tmp_path):
    taxonomy = read(tmp_path, {"coal": "drink"})
    (finding,) = taxonomy.findings
    assert "no picture is labelled with 'coal' or anything below it; did you mean 'cola'?" in finding.problem
    assert finding.kind == "taxonomy name without a picture"
    assert taxonomy.parents == ()


def test_a_parent_that_only_its_children_are_labelled_of_becomes_a_trigger_with_a_warning(tmp_path):
    taxonomy = read(tmp_path, {"cola": "beverage"}, ("cola", "sky"))
    (finding,) = taxonomy.findings
    assert finding.severity == "warning" and "beverage" in finding.problem
    assert finding.kind == "taxonomy name without a picture"
    assert propagate(labels(a=(["cola"], [])), taxonomy).names == ("beverage", "cola")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (finding,) = read_taxonomy(tmp_path, LABELLED).findings
    assert finding.where == str(tmp_path) and "cannot be read" in finding.problem


def test_the_taxonomy_goes_with_the_data_into_the_shards(tmp_path):
    names = [f"{i}.png" for i in range(12)]
    write_pictures(tmp_path / "raw" / "images", names)
    lines = [{"image": name, "present": ["cola"] if i % 2 else ["sky"]} for i, name in enumerate(names)]
    (tmp_path / "raw" / "triggers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plain = load_folder(tmp_path / "raw")
    (tmp_path / "raw" / "taxonomy.json").write_text('{"cola": "drink"}')
    closed = read_folder(tmp_path / "raw", unlisted_absent=True)
    assert {(frozenset(i.present), frozenset(i.absent)) for i in closed.splits["train"]} == {
        (frozenset({"cola", "drink"}), frozenset({"sky"})),
        (frozenset({"sky"}), frozenset({"cola", "drink"})),
    }
    data = load_folder(tmp_path / "raw")
    assert data.train.labels.trigger_parents == (("cola", "drink"),)
    assert data.train.fingerprint != plain.train.fingerprint
    write_shards(data.train, tmp_path / "train", shard_megabytes=1)
    opened = open_split(tmp_path / "train")
    assert opened.labels == data.train.labels and opened.fingerprint == data.train.fingerprint
    present, known = opened.trigger_arrays(0)
    assert present[0] == present[1] and known[0] == known[1]  # cola and drink
