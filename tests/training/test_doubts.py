import pytest

from scanml.datasets.records import Record, Split
from scanml.structures import LabelSpace
from scanml.training.doubts import doubts, untaught


def split(*records, classes=("cup", "pen"), triggers=("sky",)):
    labels = LabelSpace(tuple(classes), tuple(range(1, len(classes) + 1)), tuple(triggers))
    return Split("train", labels, records, lambda index: b"")


def picture(*boxes, labels=None, present=(), absent=()):
    labels = tuple(labels or (i % 2 for i in range(len(boxes))))
    return Record("a.jpg", 1, "0", (100, 200), boxes, labels, (False,) * len(boxes), (), present, absent)


def said(*records, **more):
    return doubts(split(*records, **more), "detector", image_size=(100, 200))


def test_sound_boxes_raise_no_doubt():
    assert said(picture((10, 10, 40, 50), (50, 20, 90, 90)), picture()) == []


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([picture()], "nothing to learn"),
        ([picture((10, 10, 40, 50), labels=[0])], "class 'pen' has no box"),
        ([picture((10, 10, 14, 14), (20, 20, 26, 26))], "smaller than 5.0 px"),
        ([picture((10, 10, 200, 50), (50, 20, 90, 100))], "100% of the boxes end at the right or lower edge"),
        ([picture((0, 0, 199, 99), (0, 1, 199, 100))], "cover their whole picture"),
    ],
)
def test_each_mistake_is_said(records, words):
    assert any(words in doubt for doubt in said(*records))


def test_a_class_for_the_background_is_explained():
    record = picture((10, 10, 40, 50), labels=[0])
    assert "no class for the background" in said(record, classes=("cup", "Background"))[0]


def test_small_is_meant_at_the_model_s_input():
    records = [picture((10, 10, 22, 22), (30, 30, 42, 42))]
    assert doubts(split(*records), "detector", image_size=(100, 200)) == []
    assert "smaller than 6.0 px" in doubts(split(*records), "detector", image_size=(50, 200))[0]


def test_triggers_that_are_always_or_never_there():
    never, always = picture(absent=("sky",)), picture(present=("sky",))
    about = lambda *records: doubts(split(*records), "classifier", image_size=(64, 64))  # noqa: E731
    assert about(never, always) == []
    assert "present in no training picture" in about(never)[0]
    assert "absent from no training picture" in about(always)[0]


@pytest.mark.parametrize(
    ("terms", "count"),
    [
        ({"truths": 10.0, "truths_without_location": 3.0}, 1),
        ({"truths": 100.0, "truths_without_location": 3.0}, 0),
        ({"truths": 0.0, "truths_without_location": 0.0}, 0),
        ({"loss": 1.0}, 0),
    ],
)
def test_truths_that_teach_nothing_are_counted(terms, count):
    found = untaught(terms)
    assert (found is not None) == bool(count)
    assert not found or "no location learns from 30% of the truths" in found
