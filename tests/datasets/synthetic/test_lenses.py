"""Twelve lenses; every trigger and every poster leads to one."""

from scanml.datasets.synthetic import CLASS_NAMES, LENSES, MARKER_IDS, TRIGGER_NAMES


def test_the_catalogue_uses_every_trigger_and_marker_and_nothing_unknown():
    lenses = LENSES.lenses
    assert len(lenses) == 12
    assert {name for lens in lenses for name in lens.triggers} == set(TRIGGER_NAMES)
    assert {marker_id for lens in lenses for marker_id in lens.marker_ids} == set(MARKER_IDS)
    assert {name for lens in lenses for name in lens.objects} <= set(CLASS_NAMES)


def test_popularity_leaves_no_tie():
    assert len({lens.popularity for lens in LENSES.lenses}) == 12
