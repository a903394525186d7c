"""Begin with the weights of another model; its classes may be others."""

from __future__ import annotations

import logging

import keras

from scanml.errors import ModelError

_OF_LABELS = {"class", "logits", "calibration"}  # layers whose weights mean one class or trigger each

_log = logging.getLogger(__name__)


def begin_with(model: keras.Model, trained: keras.Model) -> None:
    """Copy the weights of `trained` that have the same place and shape in `model`; says which stay new.

    Where labels differ, so does what the last layer means: it stays new.

    Raises:
        ModelError: the models are of another kind or size.
    """
    pairs = list(zip(model.weights, trained.weights, strict=False))
    if model.task != trained.task or len(model.weights) != len(trained.weights):
        raise ModelError(
            f"init: expected a {model.task} of {len(model.weights)} weights, received a {trained.task} of "
            f"{len(trained.weights)}; give a training of the same task and size."
        )
    same = model.labels == trained.labels
    new = set()
    for variable, source in pairs:
        if tuple(variable.shape) == tuple(source.shape) and (same or not _OF_LABELS & set(variable.path.split("/"))):
            variable.assign(source)
        else:
            new.add(variable.path.rsplit("/", 1)[0])
    _log.info("init: weights taken from the trained model; new: %s", ", ".join(sorted(new)) or "none")
