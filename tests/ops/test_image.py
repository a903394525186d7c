from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from oracles.tiny_scene import textured

from scanml.ops.image import PADDING, letterbox, unletterbox

SIZES = [(480, 640), (641, 479), (50, 60), (256, 320), (1500, 33), (7, 900), (1, 1), (64, 1300)]


@pytest.mark.parametrize("size", SIZES)
def test_the_letterbox_holds_the_antialiased_picture_at_the_top_left_and_gray_elsewhere(rng, size):
    pixels = textured(rng, *size)
    canvas, scales = (ops.convert_to_numpy(value) for value in letterbox(pixels, (128, 160)))
    width, height = (round(float(scale) * side) for scale, side in zip(scales, size[::-1], strict=True))
    expected = ops.image.resize(pixels.astype(np.float32), (height, width), interpolation="bilinear", antialias=True)
    assert canvas.shape == (128, 160, 3) and (height == 128 or width == 160)
    # Sums in another order, in float32: a few units in the last place of 255.
    np.testing.assert_allclose(canvas[:height, :width], np.clip(expected, 0, 255), atol=2e-3)
    assert (canvas[height:] == PADDING).all() and (canvas[:, width:] == PADDING).all()


@pytest.mark.parametrize("size", SIZES)
def test_the_shape_of_the_picture_is_kept_to_half_a_pixel(rng, size):
    scales = ops.convert_to_numpy(letterbox(textured(rng, *size), (128, 160))[1])
    ratio = min(128 / size[0], 160 / size[1])
    for scale, side in zip(scales, size[::-1], strict=True):
        assert abs(scale * side - ratio * side) <= 0.5 + 1e-4 or round(scale * side) == 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has unknown shapes")
def test_a_graph_that_does_not_know_the_size_gives_the_same_pixels(rng):
    import tensorflow as tf

    graph = tf.function(lambda image: letterbox(image, (128, 160)), autograph=False)
    graph = graph.get_concrete_function(tf.TensorSpec((None, None, 3), tf.uint8))
    for size in SIZES:
        pixels = textured(rng, *size)
        for ours, theirs in zip(graph(tf.constant(pixels)), letterbox(pixels, (128, 160)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_unletterbox_takes_boxes_back(rng):
    pixels = textured(rng, 300, 200)
    _, scales = letterbox(pixels, (128, 160))
    boxes = rng.uniform(0, 200, (2, 9, 4)).astype(np.float32)
    there = boxes * np.tile(ops.convert_to_numpy(scales), 2)
    back = ops.convert_to_numpy(unletterbox(there, ops.stack([scales, scales])))
    np.testing.assert_allclose(back, boxes, rtol=1e-6)
