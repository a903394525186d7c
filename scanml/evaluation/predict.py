"""A model reads a set of examples: frames enter batch by batch, so memory holds one batch of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from tqdm import tqdm

from scanml.errors import ModelError
from scanml.structures import DetectionExample, ExampleSet, SceneExample, SceneReader, SceneReading

BATCH_SIZE = 16  # frames read at once: 16 photos of 12 megapixels are 600 MB

E = TypeVar("E", DetectionExample, SceneExample)


def predict(reader: SceneReader, examples: ExampleSet, *, batch_size: int = BATCH_SIZE) -> list[SceneReading]:
    """One reading for every example, in order, with a progress bar where somebody is watching.

    Raises:
        ModelError: the reader returns another number of readings than it was given frames.
    """
    pairs = read_examples(reader, examples.scene, count=len(examples), batch_size=batch_size)
    return [reading for _, reading in pairs]


def read_examples(
    reader: SceneReader, example: Callable[[int], E], *, count: int, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[E, SceneReading]]:
    """`example`(0) … `example`(count - 1), each with its reading; every picture is opened once."""
    with tqdm(total=count, desc="predict", unit="image", disable=None) as bar:
        for start in range(0, count, batch_size):
            batch = [example(index) for index in range(start, min(start + batch_size, count))]
            readings = reader.read([one.frame for one in batch])
            if len(readings) != len(batch):
                raise ModelError(
                    f"a reader must return one reading per frame, received {len(readings)} for {len(batch)} frames."
                )
            bar.update(len(batch))
            yield from zip(batch, readings, strict=True)


def as_reader(model: object) -> SceneReader:
    """A `SceneDetector` or a `SceneClassifier` as a reader of frames; what is a reader already is returned as it is.

    Raises:
        ModelError: anything else.
    """
    if callable(getattr(model, "read", None)) and hasattr(model, "labels"):
        return cast(SceneReader, model)
    if hasattr(model, "scanml_config"):  # Keras is loaded only for what can be one of our Keras models
        from scanml.models import SceneClassifier, SceneDetector, SceneModel

        if isinstance(model, SceneDetector):
            return SceneModel(detector=model)
        if isinstance(model, SceneClassifier):
            return SceneModel(classifier=model)
    raise ModelError(
        f"expected a SceneDetector, a SceneClassifier or a reader with `labels` and `read`, received "
        f"{type(model).__name__}; a model of your own needs a method read(frames) -> list[SceneReading]."
    )
