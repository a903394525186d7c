"""Does the SavedModel say what the models in memory say? On JPEGs of all eight orientations, gray, CMYK, and PNGs.

    python -m benchmarks.parity --run runs/demo

`--run` is the output of `scanml demo` or `scanml run`. Its test photos are encoded anew in every form.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._record import record
from scanml.datasets import open_split
from scanml.export import prove_parity
from scanml.models import SceneModel
from scanml.training import load_model

MINUTES = 1
NEEDS = ("runs/demo/bundle",)

NUM_PHOTOS = 4
_ORIENTATION = 0x0112  # EXIF 2.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/demo"))
    parsed = parser.parse_args()
    test = open_split(parsed.run / "extract" / "shards" / "test")
    models = {
        task: load_model(parsed.run / f"train-{task}" / "checkpoint")
        for task in ("detector", "classifier")
        if (parsed.run / f"train-{task}").is_dir()
    }
    model = SceneModel(**models)
    forms: dict[str, list[bytes]] = {}
    for index in range(min(NUM_PHOTOS, len(test))):
        for name, data in encode_all(Image.fromarray(np.asarray(test.frame(index).pixels))).items():
            forms.setdefault(name, []).append(data)
    values = {}
    for name, photos in forms.items():
        found = prove_parity(
            parsed.run / "bundle" / "scene" / "1", model, {f"{name} {i}": data for i, data in enumerate(photos)}
        )
        values[name] = {
            "box_px": found.box_px,
            "score": found.score,
            "trigger_probability": found.trigger_probability,
            "detections": found.num_detections,
        }
    worst = {key: max(row[key] for row in values.values()) for key in ("box_px", "score", "trigger_probability")}
    record("parity", {"worst": worst, "forms": values}, settings={"photos_per_form": NUM_PHOTOS})


def encode_all(photo: Image.Image) -> dict[str, bytes]:
    """The photo as every kind of file that a phone or a scanner writes."""
    forms = {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        forms[f"jpeg orientation {orientation}"] = _encode(photo, "JPEG", quality=90, exif=exif)
    forms["jpeg gray"] = _encode(photo.convert("L"), "JPEG", quality=90)
    forms["jpeg cmyk"] = _encode(photo.convert("CMYK"), "JPEG", quality=90)
    forms["png"] = _encode(photo, "PNG")
    alpha = photo.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    forms["png alpha"] = _encode(alpha, "PNG")
    return forms


def _encode(photo: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, form, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
