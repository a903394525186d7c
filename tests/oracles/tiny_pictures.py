"""Splits of tiny pictures in memory, and the same batches with pixels made on the device and on the host."""

from dataclasses import replace

import cv2
from oracles.data_folder import picture

from scanml.datasets import AugmentConfig, BatchSource
from scanml.datasets.images import decode_image, pixel_hash
from scanml.datasets.records import Record, Split
from scanml.structures import LabelSpace

SIZE = (48, 64)
STILL = AugmentConfig(flip_left_right=0, scale=(1.0, 1.0), translate=0, brightness=0, contrast=0, saturation=0)
WILD = AugmentConfig(flip_up_down=0.5, scale=(0.4, 2.5), translate=0.3, hue=0.2, box_safe=0.5)
CONFIGS = {
    "still": STILL,
    "default": AugmentConfig(),
    "wild": WILD,
    "mosaic": replace(WILD, mosaic=0.7, mosaic_until=0.5),
}


def split_of(pictures, boxes, *, triggers=(), suffix=".png", read_is_checked=False):
    """A split in memory; `boxes` gives xyxy per picture."""
    encoded = [cv2.imencode(suffix, pixels[..., ::-1])[1].tobytes() for pixels in pictures]
    records = [
        Record(
            f"{index}{suffix}",
            index,
            pixel_hash(decode_image(encoded[index], where=suffix)),
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
    return Split("train", labels, records, lambda index: encoded[index], read_is_checked)


def source_of(split, task="detector", *, size=(32, 48), batch_size=4, augment=None, seed=0, **more):
    augment = augment or AugmentConfig()
    return BatchSource(split, task, image_size=size, batch_size=batch_size, augment=augment, seed=seed, **more)


def device_and_host(augment, *, num_steps=6):
    """Pairs of the same batch: pixels for the device to make, and made on the host. Pictures of several sizes."""
    sizes = [(40, 60), (90, 120), (70, 20), (200, 260)]
    split = split_of(
        [picture(i, sizes[i % 4]) for i in range(8)], [[(2.0, 3.0, 18.0, 30.0)] * (i % 3) for i in range(8)]
    )
    device, host = (
        source_of(split, size=SIZE, augment=replace(augment, pixels_on=place), num_steps=num_steps)
        for place in ("device", "host")
    )
    return [(device.batch(step), host.batch(step)) for step in range(num_steps)]
