"""Small networks with random weights that say something, and pictures in every encoding that the house accepts."""

from __future__ import annotations

import fcntl
import functools
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from scanml.export import Origin, write_bundle
from scanml.models import SceneClassifier, SceneClassifierConfig, SceneDetector, SceneDetectorConfig, SceneModel
from scanml.structures import GateVerdict, LabelSpace, Lens, Metric

LABELS = LabelSpace(("cat", "dog", "cup"), (3, 7, 8), ("sky", "drink"), (("drink", "sky"),))  # no drinks indoors
LENSES = (
    Lens("red", "Red", marker_ids=("red-poster",)),
    Lens("sun", "Sun", triggers={"sky": 1.0}),
    Lens("any", "Any", popularity=0.5),
)
_ORIENTATION = 0x0112


@functools.cache
def tiny_model(*, seed: int = 0, detector: bool = True, classifier: bool = True) -> SceneModel:
    """Random weights, scaled so that logits have a standard deviation of 2: scores all over (0, 1), boxes anywhere."""
    rng = np.random.default_rng(seed)
    models = [
        SceneDetector(SceneDetectorConfig(size="tiny", image_size=(64, 96)), LABELS) if detector else None,
        SceneClassifier(SceneClassifierConfig(size="tiny", image_size=(96, 64)), LABELS) if classifier else None,
    ]
    for model in models:
        if model is not None:
            _randomize(model, rng)
    return SceneModel(*models)


def _randomize(model, rng) -> None:
    for weight in model.trainable_weights:
        if weight.path.endswith("kernel"):
            fan_in = np.prod(weight.shape[:-1])
            weight.assign(rng.normal(0, 2 / np.sqrt(fan_in), weight.shape))
    image = textured(rng, *model.scanml_config.image_size)[None]
    last = {"class_logits": "class", "box_logits": "box", "trigger_logits": "logits"}
    for name, logits in model(image, training=False).items():
        layer = model.get_layer(last[name])
        layer.kernel.assign(layer.kernel * 2 / max(float(np.std(np.asarray(logits))), 1e-6))
        layer.bias.assign(layer.bias * 0)


def textured(rng, height: int, width: int) -> np.ndarray:
    """A picture, uint8 (H, W, 3), with structure at several scales."""
    total = sum(
        cv2.resize(rng.normal(0, 30, (side, side, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
        for side in (3, 6, 12, 24)
    )
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def encode(pixels: np.ndarray, kind: str, *, mode: str = "RGB", orientation: int | None = None, **options) -> bytes:
    """JPEG or PNG bytes in one of Pillow's modes, with an orientation tag when asked."""
    image = Image.fromarray(pixels).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(np.arange(image.width * image.height, dtype=np.uint8).reshape(image.size[::-1])))
    if orientation is not None:
        exif = Image.Exif()
        exif.endian = options.pop("endian", "<")
        exif[0x010F] = "a maker"  # an entry before the one that counts
        exif[_ORIENTATION] = orientation
        options["exif"] = exif.tobytes()
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def encode_16_bits(pixels: np.ndarray) -> bytes:
    """A PNG with 16 bits a channel."""
    return cv2.imencode(".png", pixels[..., ::-1].astype(np.uint16) * 257 + 3)[1].tobytes()


def every_encoding(pixels: np.ndarray) -> dict[str, bytes]:
    """The picture by the name of its encoding: all eight orientations, gray, CMYK, alpha, palette, 16 bits."""
    images = {f"orientation {o}.jpg": encode(pixels, "JPEG", orientation=o, quality=95) for o in range(1, 9)}
    images |= {f"orientation {o}.png": encode(pixels, "PNG", orientation=o) for o in (3, 6)}
    return images | {
        "big-endian.jpg": encode(pixels, "JPEG", orientation=8, endian=">"),
        "gray.jpg": encode(pixels, "JPEG", mode="L", orientation=6),
        "cmyk.jpg": encode(pixels, "JPEG", mode="CMYK", orientation=5),
        "progressive.jpg": encode(pixels, "JPEG", progressive=True, subsampling=2),
        "alpha.png": encode(pixels, "PNG", mode="RGBA", orientation=7),
        "gray alpha.png": encode(pixels, "PNG", mode="LA"),
        "palette.png": encode(pixels, "PNG", mode="P"),
        "black and white.png": encode(pixels, "PNG", mode="1"),
        "16 bits.png": encode_16_bits(pixels),
    }


def draw_marker(seed: int) -> np.ndarray:
    """A flat picture with many corners, uint8 (240, 180, 3)."""
    blocks = np.random.default_rng(seed).integers(0, 256, (20, 15, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((12, 12, 1), np.uint8))


def photo_of_marker(marker: np.ndarray) -> np.ndarray:
    """A frame, uint8 (400, 480, 3), that shows the marker upright and unscaled on something textured."""
    frame = textured(np.random.default_rng(9), 400, 480)
    frame[80 : 80 + marker.shape[0], 150 : 150 + marker.shape[1]] = marker
    return frame


def write_tiny_bundle(folder: Path, *, scraps: Path) -> None:
    """A bundle of `tiny_model()` with two markers and three lenses."""
    markers = scraps / "markers"
    markers.mkdir(parents=True)
    for name, seed in (("red-poster", 1), ("blue-poster", 2)):
        (markers / f"{name}.png").write_bytes(encode(draw_marker(seed), "PNG"))
    (markers / ".hidden").write_bytes(b"not a picture")
    (scraps / "lenses.json").write_text(json.dumps([lens.to_json() for lens in LENSES]))
    origin = Origin(
        config={"name": "tiny", "seed": 0, "sizes": [64, 96]},
        fingerprints={"detector": "0123"},
        metrics={"detector": {"AP": Metric("AP", 1, 0.5, None, 9)}},
        verdicts={"detector": GateVerdict(True, ("yes: AP",), smoke=True)},
    )
    images = {"photo": encode(textured(np.random.default_rng(5), 120, 90), "JPEG")}
    write_bundle(folder, tiny_model(), origin, images=images, markers=markers, lenses=scraps / "lenses.json")


def shared_bundle(factory) -> Path:
    """The tiny bundle of this test run, written once for all of pytest's processes. Nobody may change it."""
    scraps = factory.mktemp("scraps")
    return write_once(factory, "tiny_bundle", lambda folder: write_tiny_bundle(folder, scraps=scraps))


def write_once(factory, name: str, write: Callable[[Path], None]) -> Path:
    """The folder `name` of this test run, filled by `write` in whichever of pytest's processes comes first."""
    root = factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / name
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            write(root / f"{name}.new")
            (root / f"{name}.new").rename(folder)
    return folder
