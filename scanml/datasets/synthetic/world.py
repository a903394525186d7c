"""The drawn world on disk: the folder of raw data that every step of the house starts from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from scanml.datasets.synthetic.lenses import LENSES
from scanml.datasets.synthetic.objects import CLASS_NAMES
from scanml.datasets.synthetic.posters import MARKER_IDS, draw_poster
from scanml.datasets.synthetic.scenes import TRIGGER_NAMES, DrawnScene, draw_scene
from scanml.datasets.synthetic.showcase import SHOWCASE
from scanml.errors import ConfigError
from scanml.structures.arrays import Pixels

CATEGORY_IDS = (1, 2, 5, 6, 9, 12, 13, 17)  # gaps, as real COCO files have them; in the order of CLASS_NAMES
UNKNOWN_SHARE = 0.1  # of the trigger labels: nobody looked
_JPEG_QUALITY = (70, 96)  # from, below
_SHOWCASE_QUALITY = 92
_SHOWCASE_STREAM = 1  # third seed word: frames share no random number with images


@dataclass
class _Records:
    """What is gathered while images are written."""

    images: list[Mapping[str, object]] = field(default_factory=list)
    annotations: list[Mapping[str, object]] = field(default_factory=list)
    triggers: list[Mapping[str, object]] = field(default_factory=list)


def draw_world(out: str | Path, *, num_images: int, seed: int, progress: Callable[[int], None] | None = None) -> None:
    """Write `num_images` labelled photos, markers, lenses and five showcase frames into `out`, created where missing.

    The same seed gives the same bytes (with the same OpenCV), and image k does not depend on `num_images`. `progress`
    is called with the number of finished images. Files: `images/`, `instances.json` (COCO), `triggers.jsonl`,
    `markers/`, `lenses.json`, `frames/`, `frames.json`.

    Raises:
        ConfigError: no images asked for, or a negative seed.
        OSError: `out` cannot be written; what was written stays, so write into a temporary folder.
    """
    if num_images < 1 or seed < 0:
        raise ConfigError(f"draw_world needs num_images >= 1 and seed >= 0, received {num_images} and {seed}.")
    out = Path(out)
    for folder in ("images", "markers", "frames"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    records = _Records()
    for index in range(num_images):
        _draw_image(out, records, index=index, seed=seed)
        if progress:
            progress(index + 1)
    names = zip(CATEGORY_IDS, CLASS_NAMES, strict=True)
    categories = [{"id": category_id, "name": name} for category_id, name in names]
    instances = {"images": records.images, "annotations": records.annotations, "categories": categories}
    _write_json(out / "instances.json", instances)
    lines = "".join(json.dumps(line) + "\n" for line in records.triggers)
    (out / "triggers.jsonl").write_text(lines, encoding="utf-8")
    for marker_id in MARKER_IDS:
        _write_image(out / "markers" / f"{marker_id}.png", draw_poster(marker_id))
    _write_json(out / "lenses.json", [lens.to_json() for lens in LENSES.lenses])
    _draw_showcase(out, seed=seed)


def _draw_image(out: Path, records: _Records, *, index: int, seed: int) -> None:
    rng = np.random.default_rng([seed, index])
    scene = draw_scene(rng)
    name = f"{index:06d}.jpg"
    _write_image(out / "images" / name, scene.pixels, jpeg_quality=int(rng.integers(*_JPEG_QUALITY)))
    height, width = scene.pixels.shape[:2]
    records.images.append({"id": index + 1, "file_name": name, "width": width, "height": height})
    first_id = len(records.annotations) + 1
    records.annotations.extend(_annotations(scene, image_id=index + 1, first_id=first_id))
    records.triggers.append(_trigger_line(rng, name, scene))


def _annotations(scene: DrawnScene, *, image_id: int, first_id: int) -> list[Mapping[str, object]]:
    """COCO records; `area` counts visible pixels."""
    rows = zip(scene.boxes.to_xywh().tolist(), scene.labels.tolist(), scene.masks, strict=True)
    return [
        {
            "id": first_id + offset,
            "image_id": image_id,
            "category_id": CATEGORY_IDS[label],
            "bbox": xywh,
            "area": int(mask.sum()),
            "iscrowd": 0,
        }
        for offset, (xywh, label, mask) in enumerate(rows)
    ]


def _trigger_line(rng: np.random.Generator, name: str, scene: DrawnScene) -> Mapping[str, object]:
    looked_for = [trigger for trigger in TRIGGER_NAMES if rng.random() >= UNKNOWN_SHARE]
    present = [trigger for trigger in looked_for if trigger in scene.present]
    return {"image": name, "present": present, "absent": [t for t in looked_for if t not in scene.present]}


def _draw_showcase(out: Path, *, seed: int) -> None:
    rows: list[Mapping[str, str]] = []
    for index, frame in enumerate(SHOWCASE):
        scene = draw_scene(np.random.default_rng([seed, index, _SHOWCASE_STREAM]), frame.plan)
        image = f"frames/{frame.name}.jpg"
        _write_image(out / image, scene.pixels, jpeg_quality=_SHOWCASE_QUALITY)
        rows.append({"image": image, "expected_lens": frame.expected_lens, "why": frame.why})
    _write_json(out / "frames.json", rows)


def _write_image(path: Path, pixels: Pixels, *, jpeg_quality: int = 90) -> None:
    """JPEG or PNG by the suffix; the quality has no say in a PNG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if path.suffix == ".jpg" else []
    path.write_bytes(cv2.imencode(path.suffix, pixels[..., ::-1], options)[1].tobytes())


def _write_json(path: Path, value: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
