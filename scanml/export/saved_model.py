"""A `SceneModel` as a SavedModel: from encoded pictures, or from pixels, to final answers, in one graph."""

from __future__ import annotations

from pathlib import Path

import keras

from scanml.errors import ModelError
from scanml.models.scene_model import SceneModel

_AT_ONCE = 2  # pictures decoded side by side: as many as the smallest machine has cores, 300 MB each at 100 megapixels


def write_saved_model(model: SceneModel, folder: Path) -> None:
    """Write `model` to `folder`. Only TensorFlow is needed to load it.

    Signatures: `serving_default(image_bytes: string (N,))`, JPEG or PNG, and `from_pixels(image: uint8 (N, H, W, 3))`,
    upright RGB. Both return the answers of `SceneModel` with a leading axis N, boxes in pixels of the upright picture.
    A picture that TensorFlow cannot decode fails its whole call.

    Raises:
        ModelError: Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"export runs on TensorFlow, Keras runs on {keras.backend.backend()!r}: start again with "
            "KERAS_BACKEND=tensorflow; checkpoints of any backend can be loaded there."
        )
    import tensorflow as tf

    from scanml.export.decode import decode_upright

    pixels = tf.TensorSpec((None, None, 3), tf.uint8)
    prepare = tf.function(model.prepare, autograph=False).get_concrete_function(pixels)
    one = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in prepare.structured_outputs.items()}
    many = {name: tf.TensorSpec((None, *spec.shape), spec.dtype, name) for name, spec in one.items()}
    answer = tf.function(model.call, autograph=False).get_concrete_function(many)

    def from_bytes(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        each = lambda data: prepare(decode_upright(data))  # noqa: E731
        return dict(answer(tf.map_fn(each, image_bytes, fn_output_signature=one, parallel_iterations=_AT_ONCE)))

    def from_pixels(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(answer(tf.map_fn(prepare, image, fn_output_signature=one, parallel_iterations=_AT_ONCE)))

    encoded, stacked = tf.TensorSpec((None,), tf.string, "image_bytes"), tf.TensorSpec((None, *pixels.shape), tf.uint8)
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    signatures = {
        "serving_default": tf.function(from_bytes, [encoded], autograph=False),
        "from_pixels": tf.function(from_pixels, [stacked], autograph=False),
    }
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)  # nobody trains what was exported
    tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
