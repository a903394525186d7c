"""Does a phone say what the model in memory says? Both see the same letterboxed pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from scanml.errors import ConfigError, GateError
from scanml.export.litert import Network, Precision, answer
from scanml.export.parity import MAX_BOX_PX, MAX_SCORE, Answer
from scanml.metrics import pairwise_iou
from scanml.structures.arrays import Pixels

MIN_SCORE = 0.25  # detections that `scanml predict` shows
MIN_IOU = 0.5  # as in AP@.5: the same object


@dataclass(frozen=True, kw_only=True)
class PhoneParity:
    """How far a network's answers on a phone lie from those of the model in memory.

    `agreement` is the share of detections from 0.25 on, of both sides, that have a partner on the other: of the same
    label, IoU at least 0.5, half of the score or more. The others are differences, of partners and of triggers, that 95
    of 100 do not exceed.
    """

    num_images: int
    num_detections: int
    agreement: float
    box_px: float
    score: float
    trigger_probability: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is refused: less `agreement`, or larger differences."""

    agreement: float
    box_px: float = np.inf
    score: float = np.inf
    trigger_probability: float


# Measured with the demo's detector (192×256) on 60 test photos: float16 0.008 px and 0.0005; int8, its ranges from 8
# photos, agreement 1.0, 2.4 px, 0.025, and AP 0.584 instead of 0.586. With its classifier, int8: 0.017, and mAP still
# 0.979. The limits leave weaker models some room.
LIMITS: dict[Precision, Limits] = {
    "float32": Limits(agreement=1.0, box_px=MAX_BOX_PX, score=MAX_SCORE, trigger_probability=MAX_SCORE),
    "float16": Limits(agreement=0.98, box_px=MAX_BOX_PX, score=0.01, trigger_probability=0.01),
    "int8": Limits(agreement=0.9, trigger_probability=0.1),
}


def load_interpreter() -> Any:  # LiteRT has no types
    """LiteRT's class that runs a file; a `ConfigError` where it is not installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ConfigError(
            "files for phones are proven by LiteRT's interpreter: pip install 'scanml[phones]'."
        ) from error
    return Interpreter


def ask_in_memory(model: Network, frames: Pixels) -> list[Answer]:
    """The answers of `model` to `frames` uint8 (N, H, W, 3), letterboxed."""
    answers = (answer(model, model(frame[None].astype(np.float32), training=False)) for frame in frames)
    return [{name: ops.convert_to_numpy(value)[0] for name, value in one.items()} for one in answers]


def measure_parity(network: Path, reading: Path, frames: Pixels, expected: Sequence[Answer]) -> PhoneParity:
    """Compare what the LiteRT files `network` and then `reading` say of `frames` with what is `expected` of each.

    Raises:
        ConfigError: LiteRT's interpreter is not installed.
    """
    ask, read = _runner(network), _runner(reading)
    kind = ask.get_input_details()["image"]["dtype"]
    answers = (read(**ask(image=frame[None].astype(kind))) for frame in frames)
    found = [{name: value[0] for name, value in one.items()} for one in answers]
    return compare_all(list(zip(expected, found, strict=True)))


def compare_all(pairs: Sequence[tuple[Answer, Answer]]) -> PhoneParity:
    """The parity of answers to the same pictures, at least one; keys as `SceneModel` has them, without a batch axis."""
    found = [partners for ours, theirs in pairs for partners in (_partners(ours, theirs), _partners(theirs, ours))]
    boxes, scores = (np.concatenate([part[i] for part in found]) for i in (0, 1))
    count = sum(part[2] for part in found)
    none = np.zeros(0)
    name = "trigger_probabilities"
    triggers = [np.abs(ours.get(name, none) - theirs.get(name, none)) for ours, theirs in pairs]
    return PhoneParity(
        num_images=len(pairs),
        num_detections=count,
        agreement=len(boxes) / count if count else 1.0,
        box_px=_most(boxes),
        score=_most(scores),
        trigger_probability=_most(np.concatenate(triggers)),
    )


def refuse_beyond(parity: PhoneParity, precision: Precision, *, where: str) -> None:
    """Raise a `GateError` where `parity` is beyond the limits of `precision`; it says by how much."""
    limits = LIMITS[precision]
    low = parity.agreement < limits.agreement
    large = [
        f"{name} {getattr(parity, name):.3g}, allowed is {getattr(limits, name):.3g}"
        for name in ("box_px", "score", "trigger_probability")
        if not getattr(parity, name) <= getattr(limits, name)
    ]
    reasons = [f"agreement {parity.agreement:.3f}, at least {limits.agreement} is needed"] * low + large
    if reasons:
        remedy = "train with more validation pictures, its ranges come from them, or " if precision == "int8" else ""
        raise GateError(
            f"{where} differs from the model in memory on {parity.num_images} pictures: {'; '.join(reasons)}; "
            f"{remedy}export without --format litert."
        )


def _partners(ours: Answer, theirs: Answer) -> tuple[npt.NDArray[Any], npt.NDArray[Any], int]:
    """Distances of boxes and scores of our detections that have a partner, and of how many these are."""
    if "boxes" not in ours:
        return np.zeros(0), np.zeros(0), 0
    shown = ours["scores"] >= MIN_SCORE
    boxes, scores, labels = (ours[name][shown] for name in ("boxes", "scores", "labels"))
    same = labels[:, None] == theirs["labels"][None]
    strong = theirs["scores"][None] >= np.maximum(scores[:, None] / 2, 1e-9)  # what pads has score 0
    overlap = np.where(same & strong, pairwise_iou(boxes, theirs["boxes"]), 0.0)
    partner = overlap.argmax(axis=1)
    has = overlap.max(axis=1, initial=0.0) >= MIN_IOU
    distances = np.abs(boxes - theirs["boxes"][partner]).max(axis=1, initial=0.0)
    return distances[has], np.abs(scores - theirs["scores"][partner])[has], int(shown.sum())


def _most(differences: npt.NDArray[Any]) -> float:
    return float(np.quantile(differences, 0.95)) if len(differences) else 0.0


def _runner(path: Path) -> Any:
    return load_interpreter()(model_path=str(path)).get_signature_runner("serving_default")
