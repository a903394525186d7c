"""A batch is a function of seed and step; each epoch passes every example once; truth moves with the pixels."""

import threading
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest
from oracles.data_folder import picture, write_folder, write_pictures
from oracles.tiny_pictures import STILL, source_of, split_of

from scanml.datasets import AugmentConfig, load_folder
from scanml.datasets.cache import MemoryCache
from scanml.errors import ConfigError
from scanml.structures import CLASSIFIER_BATCH, DETECTOR_BATCH
from scanml.structures.batches import DEVICE_PIXELS


@pytest.fixture(scope="module")
def split():
    return split_of([picture(i) for i in range(10)], [[(5.0, 6.0, 25.0, 16.0)] * (i % 4) for i in range(10)])


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


@pytest.mark.parametrize("pixels_on", ["host", "device"])
@pytest.mark.parametrize(("task", "fields"), [("detector", DETECTOR_BATCH), ("classifier", CLASSIFIER_BATCH)])
def test_batches_are_as_specified(split, task, fields, pixels_on):
    if pixels_on == "device":
        fields = {key: field for key, field in fields.items() if key != "image"} | DEVICE_PIXELS
    batch = source_of(split, task, augment=AugmentConfig(pixels_on=pixels_on)).batch(0)
    assert batch.keys() == fields.keys()
    for key, field in fields.items():
        assert batch[key].dtype == field.dtype
        assert batch[key].ndim == len(field.axes.split())
    assert pixels_on == "device" or batch["image"].shape == (4, 32, 48, 3)


@pytest.mark.parametrize("task", ["detector", "classifier"])
def test_a_batch_depends_on_seed_and_step_alone(split, task):
    first, second = source_of(split, task), source_of(split, task)
    later = [first.batch(step) for step in (0, 3, 7)]
    for step, batch in zip((7, 3, 0), reversed(later), strict=True):  # in another order, with another cache
        assert_equal(second.batch(step), batch)
    assert (source_of(split, task, seed=1).batch(0)["image"] != later[0]["image"]).any()
    assert (later[1]["image"] != later[0]["image"]).any()


@pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 10])
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
    batch = source_of(split_of([picture(0)], [[]]), batch_size=1).batch(0)
    assert batch["boxes"].shape == (1, 16, 4)
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


@pytest.mark.parametrize("task", ["detector", "classifier"])
@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 20])
def test_the_stream_stacks_the_batches_in_order(split, task, at_once):
    source = source_of(split, task)
    steps = iter(range(2, 9))
    for group in source.stream(2, 9, at_once=at_once):
        due = list(islice(steps, at_once))
        assert {len(values) for values in group.values()} == {len(due)}
        for row, step in enumerate(due):
            assert_equal({key: values[row] for key, values in group.items()}, source.batch(step))
    assert list(steps) == []
    assert list(source.stream(5, 5, at_once=at_once)) == []
    assert len(list(source.stream(5, 6, at_once=at_once))) == 1


def test_stacked_batches_share_the_room_of_the_fullest():
    many = [(float(i), 0.0, float(i) + 4, 4.0) for i in range(17)]
    source = source_of(split_of([picture(0), picture(1)], [[], many]), batch_size=1, size=(40, 60), augment=STILL)
    (group,) = source.stream(0, 2, at_once=2)
    assert group["boxes"].shape == (2, 1, 32, 4)
    assert sorted((group["labels"] >= 0).sum(axis=(1, 2))) == [0, 17]


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
    source = source_of(load_folder(tmp_path).train, batch_size=3)
    write_pictures(tmp_path / "images", ["train0.png", "train1.png", "train2.png"], first_seed=50)
    with pytest.raises(Exception, match="changed since"):
        list(source.stream(0, 2))


def test_a_batch_larger_than_the_split_is_refused_and_the_largest_named(split):
    with pytest.raises(ConfigError, match=r"train\.batch_size is 11, .* has 10 pictures; .*train\.batch_size=10"):
        source_of(split, batch_size=11)


@pytest.mark.parametrize(("task", "num_steps"), [("classifier", 10), ("detector", None)])
def test_a_mosaic_is_for_detectors_in_a_training_of_known_length(split, task, num_steps):
    with pytest.raises(ConfigError, match=r"augment\.mosaic"):
        source_of(split, task, augment=AugmentConfig(mosaic=0.5), num_steps=num_steps)


def test_mosaics_come_as_often_as_asked_for_and_end_when_asked_for(split):
    """A picture shows one of ten colors; more than one in an image makes it a mosaic."""
    flat = [np.full((32, 48, 3), 10 * index, np.uint8) for index in range(10)]
    config = replace(STILL, mosaic=0.5, mosaic_until=0.6)
    source = source_of(split_of(flat, [[]] * 10), batch_size=10, augment=config, num_steps=50)
    mixed = [
        np.mean([len(np.unique(image[image != 114])) > 1 for image in source.batch(step)["image"]])
        for step in range(50)
    ]
    assert 0.4 < np.mean(mixed[:30]) < 0.6
    assert not any(mixed[30:])


def test_a_mosaic_brings_the_truth_of_its_four_pictures():
    """Every picture is one box of its class, of one color: where it shows, its truth says so."""
    flat = [np.full((40, 40, 3), 40 + 50 * index, np.uint8) for index in range(3)]
    split = split_of(flat, [[(0.0, 0.0, 40.0, 40.0)] * (index + 1) for index in range(3)])
    config = replace(STILL, scale=(1.5, 1.5), mosaic=1.0, mosaic_until=1.0, min_visible=0)
    batch = source_of(split, size=(32, 32), batch_size=3, augment=config, num_steps=1).batch(0)
    for image, boxes, labels, crowd in zip(*(batch[key] for key in ("image", "boxes", "labels", "crowd")), strict=True):
        firsts = boxes[labels == 0].astype(int)
        assert len(firsts) == 4
        assert sum((box[2] - box[0]) * (box[3] - box[1]) for box in firsts) == 32 * 32
        shown = [image[top:bottom, left:right] for left, top, right, bottom in firsts]
        assert all((part == part[0, 0]).all() for part in shown)
        assert (labels >= 0).sum() == sum((int(part[0, 0, 0]) - 40) // 50 + 1 for part in shown)
        assert (crowd == (labels == 1)).all()


def test_a_full_cache_changes_no_batch(split, monkeypatch):
    roomy = [source_of(split).batch(step) for step in range(4)]
    tight = source_of(split)
    monkeypatch.setattr(tight.pictures, "_cache", MemoryCache(max_bytes=20_000))
    for step in range(4):
        assert_equal(tight.batch(step), roomy[step])


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
@pytest.mark.parametrize("pixels_on", ["host", "device"])
def test_turned_is_as_if_the_pictures_had_been_turned(pixels_on, mosaic):
    pictures = [picture(i) for i in range(10)]
    boxes = [[(5.0, 6.0, 25.0, 16.0)] * (i % 4) for i in range(10)]
    turned = split_of(
        [np.ascontiguousarray(pixels.transpose(1, 0, 2)) for pixels in pictures],
        [[(y1, x1, y2, x2) for x1, y1, x2, y2 in several] for several in boxes],
    )
    config = AugmentConfig(mosaic=mosaic, mosaic_until=1.0, pixels_on=pixels_on)
    found, wanted = (
        source_of(split, size=(40, 40), augment=augment, num_steps=10).batch(
            0
        )  # pictures are kept as large as it needs
        for split, augment in ((split_of(pictures, boxes), replace(config, turn=1.0)), (turned, config))
    )
    for key in found.keys() - {"pictures"}:
        np.testing.assert_array_equal(found[key], wanted[key], err_msg=key)
    if "pictures" in wanted:
        height, width = wanted["pictures"].shape[2:4]
        np.testing.assert_array_equal(found["pictures"][:, :, :height, :width], wanted["pictures"])


def test_some_are_turned_by_chance(split):
    source = source_of(split, augment=replace(STILL, turn=0.5))
    turns = [source._plan(0, step, slot).turns[0] for step in range(50) for slot in range(4)]
    assert 70 < sum(turns) < 130  # four standard deviations around 100
