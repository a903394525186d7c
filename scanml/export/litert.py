"""A model as LiteRT files: its network in three precisions, and a small float graph that reads what it says.

The two are apart so that the network can be all integers and run on a phone's accelerator as a whole, while boxes and
suppression keep float precision. Both need LiteRT's own operations only.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from scanml.models.scene_classifier import SceneClassifier
from scanml.models.scene_detector import SceneDetector
from scanml.structures.arrays import Pixels, Tensor
from scanml.structures.batches import Outputs

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Network = SceneDetector | SceneClassifier
Converter = Any  # TensorFlow does not name its type in public


def write_networks(model: Network, frames: Pixels, places: dict[Precision, Path]) -> None:
    """Write `model` without its answer, from `image` (1, H, W, 3), 0…255, letterboxed, to its outputs in float32.

    `image` is float32, of the int8 network uint8. Float16 holds the weights in half precision; int8 has integers
    throughout, in ranges that `frames` uint8 (N, H, W, 3), N > 0, make its layers take.
    """
    import tensorflow as tf

    size = tuple(model.scanml_config.image_size)
    image = {"image": tf.TensorSpec((1, *size, 3), tf.float32, "image")}
    with _graph(model, lambda given: model(given["image"], training=False), image) as folder:
        for precision, place in places.items():
            converter = _converter(folder)
            if precision == "float16":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.target_spec.supported_types = [tf.float16]
            if precision == "int8":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: (
                    {"image": frame[None].astype("float32")} for frame in frames
                )
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = tf.uint8
            place.write_bytes(converter.convert())


def write_answer(model: Network, place: Path) -> None:
    """Write the graph from the outputs of the network to the model's answer to one letterboxed picture.

    Of a detector `boxes` (1, D, 4) xyxy in pixels of the letterboxed picture, `scores`, `labels` (1, D) and
    `num_detections` (1,), after suppression; of a classifier `trigger_probabilities` (1, T), calibrated.
    """
    import tensorflow as tf

    shapes = model.compute_output_shape((1, *model.scanml_config.image_size, 3))
    outputs = {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()}
    with _graph(model, lambda given: answer(model, given), outputs) as folder:
        place.write_bytes(_converter(folder).convert())


def answer(model: Network, outputs: Outputs) -> Outputs:
    """The model's answer by name; see `write_answer`."""
    found = model.answer(outputs)
    return dict(found) if isinstance(found, dict) else {"trigger_probabilities": found}


@contextlib.contextmanager
def _graph(model: Network, function: Callable[[Outputs], Outputs], inputs: Mapping[str, Tensor]) -> Iterator[str]:
    """The folder of a SavedModel of `function`, with `inputs` by name: only from there do names reach LiteRT."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    traced = tf.function(lambda **given: function(given), autograph=False).get_concrete_function(**inputs)
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)  # nobody trains what LiteRT reads
        tf.saved_model.save(module, folder, signatures={"serving_default": traced}, options=options)
        yield folder


def _converter(folder: str) -> Converter:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
    converter.experimental_enable_resource_variables = False  # weights become constants
    return converter
