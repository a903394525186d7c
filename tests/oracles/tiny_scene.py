"""Small networks with random weights that say something, and pictures in every encoding that the house accepts."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from scanml.export import Bundle, Origin, write_bundle
from scanml.models import SceneClassifier, SceneClassifierConfig, SceneDetector, SceneDetectorConfig, SceneModel
from scanml.structures import GateVerdict, LabelSpace, Metric

LABELS = LabelSpace(("cat", "dog", "cup"), (3, 7, 8), ("sky", "drink"))
_ORIENTATION = 0x0112


def tiny_model(*, seed: int = 0, detector: bool = True, classifier: bool = True) -> SceneModel:
    """Random weights, scaled so that logits have a standard deviation of 2: scores all over (0, 1), boxes everywhere."""
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
    ends = {"class_logits": "_class", "box_logits": "_box", "trigger_logits": "logits"}
    for name, logits in model(image, training=False).items():
        for layer in model.layers:
            if layer.name.endswith(ends[name]) and hasattr(layer, "kernel"):
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


def tiny_bundle(folder, model: SceneModel | None = None, **extras) -> Bundle:
    """A bundle of a tiny model, written to `folder`."""
    origin = Origin(
        config={"name": "tiny", "seed": 0},
        fingerprints={"detector": "0123"},
        metrics={"detector": {"AP": Metric("AP", 1, 0.5, None, 9)}},
        verdicts={"detector": GateVerdict(True, ("yes: AP",), smoke=True)},
    )
    images = {"photo": encode(textured(np.random.default_rng(5), 120, 90), "JPEG")}
    return write_bundle(folder, model or tiny_model(), origin, images=images, **extras)
