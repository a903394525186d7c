"""LiteRT files in a bundle, beside its SavedModel: written, proven, and described for who writes the app.

phone/detector_float32.tflite, _float16, _int8     the network, three times
phone/detector_answer.tflite                       from its outputs to boxes, scores and labels
phone/classifier_…                                 the same for triggers
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from keras import ops

from scanml.errors import GateError
from scanml.export.bundle import MANIFEST, Bundle, PhoneModel, PhoneNetwork, hash_file, list_files
from scanml.export.litert import PRECISIONS, Network, write_answer, write_networks
from scanml.export.parity import decode_proof
from scanml.export.phone_parity import ask_in_memory, load_interpreter, measure_parity, refuse_beyond
from scanml.files import write_whole
from scanml.models.scene_model import SceneModel
from scanml.ops.image import PADDING, letterbox
from scanml.structures.arrays import Pixels

_ANSWERS = {
    "detector": {
        "boxes": "float32 (1, D, 4): left, top, right, bottom in pixels of the letterboxed picture, best first; divide "
        "by its scale; non-maximum suppression is done",
        "scores": "float32 (1, D), 0…1",
        "labels": "int32 (1, D), into class_names",
        "num_detections": "int32 (1,): as many of the D hold, the rest is zero",
    },
    "classifier": {
        "trigger_probabilities": "float32 (1, T), in the order of trigger_names, calibrated; compare with thresholds",
    },
}


def add_phones(bundle: Bundle, model: SceneModel, images: Mapping[str, bytes]) -> Bundle:
    """The bundle with LiteRT files of `model`, or as it was: int8 ranges come from every second of the encoded
    validation `images`, by name, and parity from the others.

    Raises:
        GateError: no images, or a file differs too much from `model`.
        ConfigError: LiteRT's interpreter is not installed.
    """
    if not images:
        raise GateError("files for phones need validation pictures to be quantized and proven on, received none.")
    load_interpreter()  # conversion takes minutes: what is missing afterwards is said now
    networks = {"detector": model.detector, "classifier": model.classifier}
    folder = bundle.folder / "phone"
    with contextlib.ExitStack() as undo:
        folder.mkdir()
        undo.callback(shutil.rmtree, folder)
        phones = tuple(
            _write(network, task, folder, _letterboxed(images, network))
            for task, network in networks.items()
            if network
        )
        files = {name: hash_file(bundle.folder / name) for name in list_files(folder, below=bundle.folder)}
        manifest = replace(bundle.manifest, phones=phones, files={**bundle.manifest.files, **files})
        write_whole(bundle.folder / MANIFEST, manifest.to_text())
        undo.pop_all()
    return Bundle(bundle.folder, manifest)


def _write(network: Network, task: str, folder: Path, frames: Pixels) -> PhoneModel:
    places = {precision: folder / f"{task}_{precision}.tflite" for precision in PRECISIONS}
    answer = folder / f"{task}_answer.tflite"
    write_networks(network, frames[::2], places)
    write_answer(network, answer)
    proofs = frames[1::2] if len(frames) > 1 else frames  # others: ranges flatter the pictures that they come from
    expected = ask_in_memory(network, proofs)
    written: dict[str, PhoneNetwork] = {}
    for precision, place in places.items():
        parity = measure_parity(place, answer, proofs, expected)
        refuse_beyond(parity, precision, where=place.name)
        kind = "uint8" if precision == "int8" else "float32"
        values = {name: float(value) for name, value in vars(parity).items()}
        written[precision] = PhoneNetwork(f"phone/{place.name}", kind, place.stat().st_size, values)
    height, width = network.scanml_config.image_size
    return PhoneModel(
        task=task,
        input=f"image (1, {height}, {width}, 3), RGB 0…255, upright, letterboxed",
        letterbox=f"scale = min({height} / height, {width} / width); the picture, scaled and smoothed as it shrinks, "
        f"at the top left; the rest has the value {PADDING:.0f}",
        networks=written,
        answer=f"phone/{answer.name}",
        outputs=_ANSWERS[task],
    )


def _letterboxed(images: Mapping[str, bytes], network: Network) -> Pixels:
    """What an app would give to the network, uint8 (N, H, W, 3)."""
    size = network.scanml_config.image_size
    frames = [letterbox(decode_proof(data, where=name), size)[0] for name, data in images.items()]
    return np.stack([np.round(ops.convert_to_numpy(frame)).astype(np.uint8) for frame in frames])
