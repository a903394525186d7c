"""Does the SavedModel say what the model in memory says? Proven on real pictures before a bundle exists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from scanml.datasets.headers import stored_size
from scanml.datasets.images import decode_image
from scanml.errors import GateError
from scanml.models.scene_model import SceneModel
from scanml.structures.arrays import Floats, Pixels

MAX_BOX_PX = 0.5
MAX_SCORE = 1e-3
MIN_SCORE = 0.05  # below, detections nobody acts on are so close to each other that suppression may turn by rounding

Answer = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Parity:
    """The largest differences found: boxes in pixels, scores and trigger probabilities absolute; and on how much."""

    num_images: int
    num_detections: int = 0
    box_px: float = 0.0
    score: float = 0.0
    trigger_probability: float = 0.0


def prove_parity(saved_model: Path, model: SceneModel, images: Mapping[str, bytes]) -> Parity:
    """Compare both signatures with `model` on encoded pictures, by name.

    Every detection of one side that scores at least 0.05 needs a partner on the other side: the nearest of its label
    whose score differs by at most 1e-3.

    Raises:
        GateError: no pictures, or a difference beyond 0.5 px or 1e-3; it says where and how much.
        DataError: a picture is broken.
    """
    if not images:
        raise GateError("parity needs at least one picture to compare the SavedModel with the model, received none.")
    import tensorflow as tf

    signatures = tf.saved_model.load(str(saved_model)).signatures
    parity = Parity(len(images))
    for name, data in images.items():
        pixels = decode_proof(data, where=name)
        expected = {key: ops.convert_to_numpy(value) for key, value in model.from_pixels(pixels).items()}
        answers = {
            "serving_default": signatures["serving_default"](image_bytes=tf.constant([data])),
            "from_pixels": signatures["from_pixels"](image=tf.constant(pixels[None])),
        }
        for signature, answer in answers.items():
            found = {key: value.numpy()[0] for key, value in answer.items()}
            parity = _largest(parity, compare_answers(expected, found, where=f"{name}, {signature}"))
    return parity


def decode_proof(data: bytes, *, where: str) -> Pixels:
    """The upright pixels of a picture that training has read before: as large as it was allowed to be there.

    Raises:
        DataError: it is broken; `where` names it.
    """
    width, height = stored_size(data, where=where)
    return decode_image(data, where=where, max_megapixels=math.ceil(width * height / 1e6))


def compare_answers(expected: Answer, found: Answer, *, where: str) -> Parity:
    """The differences between two answers to one picture; see `prove_parity`."""
    for key in expected:
        if key not in found or expected[key].shape != found[key].shape:
            shape = found[key].shape if key in found else "nothing"
            raise GateError(f"{where}: expected {key} of shape {expected[key].shape}, the SavedModel gives {shape}.")
    gaps = np.abs(expected["trigger_probabilities"] - found["trigger_probabilities"])
    probability = float(gaps.max(initial=0.0))
    if not probability <= MAX_SCORE:
        raise GateError(f"{where}: a trigger probability differs by {probability:.2g}, allowed is {MAX_SCORE}.")
    pairs = [*_partners(expected, found, where), *_partners(found, expected, where)]
    boxes, scores = zip(*pairs, strict=True) if pairs else ((0.0,), (0.0,))
    count = int((_kept(expected)[1] >= MIN_SCORE).sum())
    return Parity(1, count, max(boxes), max(scores), probability)


def _partners(ours: Answer, theirs: Answer, where: str) -> list[tuple[float, float]]:
    """For each of our detections that matter: how far its partner's box (px) and score are."""
    boxes, scores, labels = _kept(ours)
    their_boxes, their_scores, their_labels = _kept(theirs)
    free = np.ones(len(their_scores), dtype=np.bool_)
    pairs = []
    for box, score, label in zip(boxes, scores, labels, strict=True):
        if score < MIN_SCORE:
            break
        gap = np.abs(their_scores - score)
        distance = np.abs(their_boxes - box).max(axis=1, initial=0.0)
        possible = free & (their_labels == label) & (gap <= MAX_SCORE) & (distance <= MAX_BOX_PX)
        if not possible.any():
            raise GateError(
                f"{where}: the detection of class {label} at {np.round(box, 1).tolist()} with score {score:.4f} has no "
                f"partner within {MAX_BOX_PX} px and {MAX_SCORE} between SavedModel and model; do not ship this one."
            )
        partner = int(np.where(possible, distance, np.inf).argmin())
        free[partner] = False
        pairs.append((float(distance[partner]), float(gap[partner])))
    return pairs


def _kept(answer: Answer) -> tuple[Floats, Floats, npt.NDArray[np.int32]]:
    count = int(answer["num_detections"])
    return answer["boxes"][:count], answer["scores"][:count], answer["labels"][:count]


def _largest(first: Parity, second: Parity) -> Parity:
    values = {f.name: max(getattr(first, f.name), getattr(second, f.name)) for f in fields(Parity)}
    return Parity(**values)
