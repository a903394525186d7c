"""A batch is a function of seed and step; each epoch passes every example once; truth moves with the pixels."""

import threading

import cv2
import numpy as np
import pytest
from oracles.data_folder import picture, write_folder, write_pictures

from scanml.datasets import AugmentConfig, BatchSource, load_folder
from scanml.datasets.images import pixel_hash
from scanml.datasets.records import Record, Split
from scanml.structures import CLASSIFIER_BATCH, DETECTOR_BATCH, LabelSpace

STILL = AugmentConfig(flip_left_right=0, scale=(1.0, 1.0), translate=0, brightness=0, contrast=0, saturation=0)
MOVING = AugmentConfig()


def split_of(pictures, boxes, *, triggers=()):
    """A split in memory; `boxes` gives xyxy per picture."""
    encoded = [cv2.imencode(".png", pixels[..., ::-1])[1].tobytes() for pixels in pictures]
    records = [
        Record(
            f"{index}.png",
            index,
            pixel_hash(pixels),
            pixels.shape[:2],
            xyxy=tuple(xyxy),
            labels=tuple(range(len(xyxy))),
            crowd=tuple(place % 2 == 1 for place in range(len(xyxy))),
            present=triggers[index][0] if triggers else (),
            absent=triggers[index][1] if triggers else (),
        )
        for index, (pixels, xyxy) in enumerate(zip(pictures, boxes, strict=True))
    ]
    labels = LabelSpace(("a", "b", "c"), (1, 2, 3), ("sea", "sky"))
    return Split("train", labels, records, lambda index: encoded[index])


def source_of(split, task="detector", *, size=(32, 48), batch_size=4, augment=MOVING, seed=0):
    return BatchSource(split, task, image_size=size, batch_size=batch_size, augment=augment, seed=seed)


@pytest.fixture(scope="module")
def split():
    return split_of([picture(i) for i in range(10)], [[(5.0, 6.0, 25.0, 16.0)] * (i % 4) for i in range(10)])


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


@pytest.mark.parametrize(("task", "fields"), [("detector", DETECTOR_BATCH), ("classifier", CLASSIFIER_BATCH)])
def test_batches_are_as_specified(split, task, fields):
    batch = source_of(split, task).batch(0)
    assert batch.keys() == fields.keys()
    for key, field in fields.items():
        assert batch[key].dtype == field.dtype
        assert batch[key].ndim == len(field.axes.split())
    assert batch["image"].shape == (4, 32, 48, 3)


@pytest.mark.parametrize("task", ["detector", "classifier"])
def test_a_batch_depends_on_seed_and_step_alone(split, task):
    first, second = source_of(split, task), source_of(split, task)
    later = [first.batch(step) for step in (0, 3, 7)]
    for step, batch in zip((7, 3, 0), reversed(later), strict=True):  # in another order, with another cache
        assert_equal(second.batch(step), batch)
    assert (source_of(split, task, seed=1).batch(0)["image"] != later[0]["image"]).any()
    assert (later[1]["image"] != later[0]["image"]).any()


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 23])
def test_each_epoch_passes_every_example_once_in_an_order_of_its_own(batch_size):
    flat = [np.full((8, 8, 3), 10 * index, np.uint8) for index in range(10)]
    source = source_of(split_of(flat, [[]] * 10), size=(8, 8), batch_size=batch_size, augment=STILL)
    steps = -(-30 // batch_size)
    seen = [int(image[0, 0, 0]) // 10 for step in range(steps) for image in source.batch(step)["image"]]
    epochs = [seen[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_padding_is_minus_one_and_room_grows_in_steps():
    many = [(float(i), 0.0, float(i) + 4, 4.0) for i in range(17)]
    source = source_of(split_of([picture(0), picture(1)], [[], many]), batch_size=2, size=(40, 60), augment=STILL)
    batch = source.batch(0)
    order = np.argsort((batch["labels"] >= 0).sum(axis=1))
    assert batch["boxes"].shape == (2, 32, 4)
    assert (batch["labels"][order[0]] == -1).all()
    assert batch["labels"][order[1]].tolist() == [*range(17), *[-1] * 15]
    assert batch["crowd"][order[1]].tolist() == [*[i % 2 == 1 for i in range(17)], *[False] * 15]
    np.testing.assert_array_equal(batch["boxes"][order[1], :17], many)
    assert (batch["boxes"][order[1], 17:] == 0).all()


def test_a_batch_without_any_truth_has_room_all_the_same():
    batch = source_of(split_of([picture(0)], [[]]), batch_size=2).batch(0)
    assert batch["boxes"].shape == (2, 16, 4)
    assert (batch["labels"] == -1).all()


def test_triggers_are_present_where_known():
    triggers = [(("sky",), ("sea",)), (("sea",), ()), ((), ())]
    flat = [np.full((8, 8, 3), 10 * index, np.uint8) for index in range(3)]
    source = source_of(
        split_of(flat, [[]] * 3, triggers=triggers), "classifier", size=(8, 8), batch_size=3, augment=STILL
    )
    batch = source.batch(0)
    order = np.argsort(batch["image"][:, 0, 0, 0])
    assert batch["present"][order].tolist() == [[0, 1], [1, 0], [0, 0]]
    assert batch["known"][order].tolist() == [[True, True], [True, False], [False, False]]


@pytest.mark.parametrize("size", [(60, 80), (240, 320), (100, 50)])
def test_boxes_lie_on_what_they_were_drawn_around(size, rng):
    """Red rectangles on black; pictures are larger and smaller than the batch, so both roads of the cache are taken."""
    pictures, boxes = [], []
    for _ in range(8):
        pixels = np.zeros((120, 160, 3), np.uint8)
        left, top = rng.integers(0, 100), rng.integers(0, 70)
        right, bottom = left + rng.integers(30, 60), top + rng.integers(30, 50)
        pixels[top:bottom, left:right, 0] = 250
        pictures.append(pixels)
        boxes.append([(float(left), float(top), float(right), float(bottom))])
    config = AugmentConfig(flip_up_down=0.5, brightness=0, contrast=0, saturation=0)
    source = source_of(split_of(pictures, boxes), size=size, batch_size=8, augment=config)
    checked = 0
    for step in range(8):
        batch = source.batch(step)
        for image, xyxy, label in zip(batch["image"], batch["boxes"][:, 0], batch["labels"][:, 0], strict=True):
            if label < 0:
                continue
            red = (image[..., 0] > 125) & (image[..., 2] < 100)
            rows, columns = np.nonzero(red.any(axis=1))[0], np.nonzero(red.any(axis=0))[0]
            found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(xyxy, found, atol=1.0)  # half a pixel for each of two resizes
            checked += 1
    assert checked > 50


def test_the_stream_gives_the_batches_in_order(split):
    source = source_of(split)
    streamed = list(source.stream(2, 9))
    assert len(streamed) == 7
    for step, batch in enumerate(streamed, start=2):
        assert_equal(batch, source.batch(step))
    assert list(source.stream(5, 5)) == []
    assert len(list(source.stream(5, 6))) == 1


def test_a_stream_that_is_left_stops_its_threads_and_gives_opencv_back(split):
    before = cv2.getNumThreads()
    stream = source_of(split).stream(0, 1000)
    next(stream)
    assert cv2.getNumThreads() == 1
    stream.close()
    assert cv2.getNumThreads() == before
    for thread in threading.enumerate():
        if thread.name.startswith("batches"):
            thread.join(timeout=10)
            assert not thread.is_alive()


def test_an_error_in_a_thread_reaches_the_reader(tmp_path):
    write_folder(tmp_path, train=3, val=1, test=1)
    source = source_of(load_folder(tmp_path).train)
    write_pictures(tmp_path / "images", ["train0.png", "train1.png", "train2.png"], first_seed=50)
    with pytest.raises(Exception, match="changed since"):
        list(source.stream(0, 2))


def test_a_full_cache_changes_no_batch(split, monkeypatch):
    roomy = [source_of(split).batch(step) for step in range(4)]
    monkeypatch.setattr("scanml.datasets.pipeline._MAX_CACHE_BYTES", 20_000)
    tight = source_of(split)
    for step in range(4):
        assert_equal(tight.batch(step), roomy[step])
