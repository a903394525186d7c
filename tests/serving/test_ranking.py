from __future__ import annotations

import itertools

import numpy as np
import pytest

from scanml.errors import ConfigError
from scanml.serving.config import RankingConfig
from scanml.serving.ranking import rank
from scanml.structures import Boxes, Detections, Lens, LensCatalog, MarkerMatch, SceneReading, Triggers

TRIGGERS, OBJECTS, MARKERS = ("sky", "drink", "food"), ("cat", "dog", "cup"), ("red", "blue")


def make_reading(triggers=(), objects=(), marker: str | None = None, similarity: float = 0.8) -> SceneReading:
    ordered = sorted(objects, key=lambda pair: -pair[1])
    boxes = Boxes(np.tile([0, 0, 9, 9], (len(ordered), 1)), image_size=(10, 10))
    labels = [OBJECTS.index(name) for name, _ in ordered]
    detections = Detections(boxes, np.array([s for _, s in ordered]), np.array(labels, np.int32), OBJECTS)
    names, scores = [name for name, _ in triggers], np.array([score for _, score in triggers])
    match = None if marker is None else MarkerMatch(marker, similarity, 30, np.eye(3), (10, 10))
    return SceneReading("frame", Triggers(tuple(names), scores), detections, match)


def naive_rank(reading: SceneReading, lenses: list[Lens], top_k: int) -> list[tuple[str, float, str]]:
    """The rule again: three separate lists, filled one after the other, each by repeated search for its best."""
    shown, seen, rest = [], [], []
    for lens in lenses:
        candidates = [(0.0, "trigger")]
        for name, score in zip(reading.triggers.names, reading.triggers.scores.tolist(), strict=True):
            if name in lens.triggers:
                candidates.append((score * lens.triggers[name], "trigger"))
        for label, score in zip(reading.detections.labels, reading.detections.scores.tolist(), strict=True):
            if reading.detections.names[label] in lens.objects:
                candidates.append((0.9 * score, "object"))
        best = max(value for value, _ in candidates)
        reason = "trigger" if (best, "trigger") in candidates else "object"
        if reading.marker and reading.marker.marker_id in lens.marker_ids:
            shown.append((lens, 2 + reading.marker.similarity, "marker"))
        elif best >= 0.2:
            seen.append((lens, min(best, 1.0), reason))
        else:
            rest.append((lens, 0.1 * lens.popularity, "popularity"))
    result = []
    for entries in (shown, seen, rest):
        while entries:
            best = entries[0]
            for entry in entries:
                ours = (entry[1], entry[0].popularity)
                theirs = (best[1], best[0].popularity)
                if ours > theirs or (ours == theirs and entry[0].lens_id < best[0].lens_id):
                    best = entry
            entries.remove(best)
            result.append((best[0].lens_id, best[1], best[2]))
    return result[:top_k]


def random_case(rng: np.random.Generator) -> tuple[SceneReading, list[Lens]]:
    levels = np.array([0, 0.1, 0.2, 0.5, 0.9, 1.0])  # few values, so that ties happen
    pick = lambda names: [str(name) for name in names if rng.random() < 0.4]  # noqa: E731
    lenses = [
        Lens(
            f"lens-{i}",
            "a lens",
            triggers={name: float(rng.choice([0.5, 1.0, 1.5])) for name in pick(TRIGGERS)},
            objects=tuple(pick(OBJECTS)),
            marker_ids=tuple(pick(MARKERS)),
            popularity=float(rng.choice(levels)),
        )
        for i in rng.permutation(12)
    ]
    triggers = [(name, rng.choice(levels)) for name in TRIGGERS]
    objects = [(str(rng.choice(OBJECTS)), rng.choice(levels)) for _ in range(rng.integers(5))]
    marker = rng.choice([None, *MARKERS])
    return make_reading(triggers, objects, marker), lenses


@pytest.mark.parametrize("seed", range(60))
def test_the_rule_against_a_naive_oracle(seed):
    rng = np.random.default_rng(seed)
    reading, lenses = random_case(rng)
    top_k = int(rng.integers(1, 14))
    ranked = rank(reading, LensCatalog(tuple(lenses)), top_k=top_k)
    expected = naive_rank(reading, lenses, top_k)
    assert [(lens.lens_id, lens.reason) for lens in ranked] == [(name, reason) for name, _, reason in expected]
    np.testing.assert_allclose([lens.score for lens in ranked], [score for _, score, _ in expected], rtol=1e-12)
    assert [lens.rank for lens in ranked] == list(range(1, len(ranked) + 1))
    assert all(a.score >= b.score for a, b in itertools.pairwise(ranked))


def test_marker_before_trigger_before_object_before_popularity():
    lenses = (
        Lens("popular", "A", popularity=1.0),
        Lens("object", "B", objects=("dog",)),
        Lens("trigger", "C", triggers={"sky": 1.0}),
        Lens("marker", "D", marker_ids=("red",)),
    )
    reading = make_reading([("sky", 0.95)], [("dog", 0.95)], "red")
    ranked = rank(reading, LensCatalog(lenses))
    assert [(lens.lens_id, lens.reason) for lens in ranked] == [(r, r) for r in ("marker", "trigger", "object")] + [
        ("popular", "popularity")
    ]


def test_a_frame_without_anything_gives_the_popular_lenses():
    lenses = [Lens(f"lens-{i}", "L", triggers={"sky": 1.0}, popularity=i / 10) for i in range(5)]
    ranked = rank(make_reading(), LensCatalog(tuple(lenses)), top_k=2)
    assert [(lens.lens_id, lens.reason) for lens in ranked] == [("lens-4", "popularity"), ("lens-3", "popularity")]


def test_the_order_of_the_catalogue_does_not_matter():
    lenses = [Lens(f"lens-{i}", "L", triggers={"sky": 1.0}, popularity=0.5) for i in range(9)]
    reading = make_reading([("sky", 0.7)])
    there, back = (rank(reading, LensCatalog(tuple(order))) for order in (lenses, lenses[::-1]))
    assert there == back


def test_an_empty_catalogue_gives_an_empty_answer():
    assert rank(make_reading(), LensCatalog(())) == ()


def test_fewer_than_one_lens_cannot_be_asked_for():
    with pytest.raises(ConfigError, match="top_k must be at least 1, received 0"):
        rank(make_reading(), LensCatalog(()), top_k=0)


def test_popularity_must_stay_below_evidence():
    with pytest.raises(ConfigError, match="popularity_weight < min_evidence"):
        RankingConfig(popularity_weight=0.3)
    with pytest.raises(ConfigError, match=r"RankingConfig\.object_weight: expected float"):
        RankingConfig(object_weight="much")


def test_a_trigger_below_its_threshold_was_not_seen():
    catalog = LensCatalog((Lens("sun", "Sun", triggers={"sky": 1.0}), Lens("sip", "Sip", triggers={"drink": 1.0})))
    reading = make_reading([("sky", 0.7), ("drink", 0.6)])
    for thresholds, expected in (
        ({}, ["sun trigger", "sip trigger"]),
        ({"sky": 0.71, "drink": 0.2}, ["sip trigger", "sun popularity"]),
        ({"sky": 0.71, "drink": 0.61}, ["sip popularity", "sun popularity"]),
    ):
        found = rank(reading, catalog, thresholds=thresholds)
        assert [f"{lens.lens_id} {lens.reason}" for lens in found] == expected


def test_a_trigger_at_its_threshold_was_seen():
    triggers = make_reading([("sky", 0.5), ("drink", 0.75), ("food", 0.25)]).triggers
    assert triggers.seen({"sky": 0.5, "drink": 0.8}) == {"sky": 0.5, "food": 0.25}  # exact in float32
