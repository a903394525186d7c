"""`predict` and `recommend`: answers to photos, for people and for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanml.cli.say import say
from scanml.errors import ConfigError, DataError
from scanml.files import write_whole

if TYPE_CHECKING:
    from scanml.structures import RankedLens, SceneReading
    from scanml.structures.arrays import Pixels

BAD_INPUT = 2


def run_predict(parsed: argparse.Namespace) -> int:
    """Objects and triggers of photos, or COCO results for a list of images."""
    if parsed.images or parsed.root or parsed.results:
        return _write_results(parsed)
    _check(parsed)
    if not 0 <= parsed.min_score <= 1:
        raise ConfigError(f"--min-score must lie in [0, 1], received {parsed.min_score}.")
    from scanml.serving import SceneBundle

    bundle, places = SceneBundle(parsed.bundle), _places(parsed.photos, parsed.out)

    def answer(path: Path, data: bytes) -> Mapping[str, object]:
        reading = bundle.read_bytes(data, str(path))
        if path in places:
            _save(places[path], _draw(data, reading, (), {}, min_score=parsed.min_score))
        found = reading.detections.above(parsed.min_score)
        return {
            "image": str(path),
            "boxes": [[round(float(side), 2) for side in box] for box in found.boxes.xyxy],
            "scores": [round(float(score), 4) for score in found.scores],
            "labels": found.label_names(),
            "triggers": {name: round(score, 4) for name, score in reading.triggers.by_name().items()},
            "seen": list(reading.triggers.seen(bundle.thresholds)),
        }

    return _answer_all(parsed, answer, _print_reading)


def run_recommend(parsed: argparse.Namespace) -> int:
    """Ranked lenses for photos."""
    _check(parsed)
    if parsed.top < 1:
        raise ConfigError(f"--top must be at least 1, received {parsed.top}.")
    from scanml.evaluation.gallery import DRAW_FROM
    from scanml.serving import Recommender

    recommender = Recommender(parsed.bundle)
    names = {lens.lens_id: lens.name for lens in recommender.catalog.lenses}
    places = _places(parsed.photos, parsed.out)

    def answer(path: Path, data: bytes) -> Mapping[str, object]:
        result = recommender.recommend(data, str(path), top_k=parsed.top)
        if path in places:
            _save(places[path], _draw(data, result.reading, result.lenses, names, min_score=DRAW_FROM))
        lenses = [
            {"lens_id": lens.lens_id, "score": round(lens.score, 4), "rank": lens.rank, "reason": lens.reason}
            for lens in result.lenses
        ]
        return {"image": str(path), "lenses": lenses, "seconds": result.seconds}

    return _answer_all(parsed, answer, lambda values: _print_lenses(values, names))


def _answer_all(
    parsed: argparse.Namespace,
    answer: Callable[[Path, bytes], Mapping[str, object]],
    show: Callable[[Mapping[str, object]], None],
) -> int:
    """Answer photo by photo; a broken one is named, the rest goes on, and the exit code tells."""
    from scanml.datasets.images import read_bytes

    code = 0
    for path in parsed.photos:
        try:
            values = answer(path, read_bytes(path))
        except DataError as error:
            code, values = BAD_INPUT, {"image": str(path), "error": str(error)}
        if parsed.json:
            print(json.dumps(values), flush=True)
        elif "error" in values:
            say(f"scanml: {values['error']}", to_stderr=True)
        else:
            show(values)
    return code


def _write_results(parsed: argparse.Namespace) -> int:
    """COCO results with the original image and category ids; boxes are x, y, width, height."""
    if not (parsed.images and parsed.root and parsed.results) or parsed.photos:
        raise ConfigError("scanml predict needs either photos, or all of --images LIST --root DIR --results FILE.")
    from tqdm import tqdm

    from scanml.datasets.image_list import read_image_list
    from scanml.datasets.images import read_bytes
    from scanml.serving import SceneBundle

    listed = read_image_list(parsed.images)
    bundle = SceneBundle(parsed.bundle)
    rows: list[Mapping[str, object]] = []
    errors = 0
    for image_id, file_name in tqdm(listed, desc="predict", unit="image", disable=None):
        path = parsed.root / file_name
        try:
            found = bundle.read_bytes(read_bytes(path), str(path)).detections
        except DataError as error:
            errors += 1
            say(f"scanml: {error}", to_stderr=True)
            continue
        for box, score, label in zip(found.boxes.to_xywh().tolist(), found.scores, found.labels, strict=True):
            category = bundle.labels.category_ids[label]
            rows.append({"image_id": image_id, "category_id": category, "bbox": box, "score": float(score)})
    _write(parsed.results, json.dumps(rows).encode())
    say(f"{len(rows)} detections in {len(listed) - errors} of {len(listed)} images → {parsed.results}")
    return BAD_INPUT if errors else 0


def _check(parsed: argparse.Namespace) -> None:
    if not parsed.photos:
        raise ConfigError(f"scanml {parsed.command} needs at least one photo; for example: photo.jpg --bundle BUNDLE.")


def _draw(
    data: bytes,
    reading: SceneReading,
    lenses: tuple[RankedLens, ...],
    names: Mapping[str, str],
    *,
    min_score: float,
) -> Pixels:
    from scanml.datasets.images import decode_image
    from scanml.evaluation import draw_detections, draw_reading

    pixels = decode_image(data, where=reading.frame_id)
    if not lenses and not reading.triggers.names:
        return draw_detections(pixels, reading.detections, min_score=min_score, min_width=640)
    return draw_reading(pixels, reading, lenses, names, min_score=min_score)


def _places(photos: Sequence[Path], folder: Path | None) -> dict[Path, Path]:
    """Where each photo's drawing goes; photos of the same name from several folders are numbered."""
    taken: dict[str, int] = {}
    places: dict[Path, Path] = {}
    for photo in dict.fromkeys(photos) if folder else ():
        number = taken[photo.stem] = taken.get(photo.stem, 0) + 1
        places[photo] = Path(str(folder)) / (f"{photo.stem}.jpg" if number == 1 else f"{photo.stem}-{number}.jpg")
    return places


def _save(place: Path, pixels: Pixels) -> None:
    from scanml.evaluation import encode_jpeg

    _write(place, encode_jpeg(pixels))


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); choose another place.") from error


def _print_reading(values: Mapping[str, Any]) -> None:
    say(values["image"])
    boxes, scores, labels, triggers = (values[name] for name in ("boxes", "scores", "labels", "triggers"))
    for label, score, box in zip(labels, scores, boxes, strict=True):
        say(f"  {label:<18} {score:.2f}  x {box[0]:.0f}…{box[2]:.0f}  y {box[1]:.0f}…{box[3]:.0f}")
    if triggers:
        seen = [f"{name} {triggers[name]:.2f}" for name in values["seen"]]
        rest = [f"{name} {score:.2f}" for name, score in triggers.items() if name not in values["seen"]]
        say(f"  triggers: {', '.join(seen) or 'none'} (below their thresholds: {', '.join(rest[:8]) or 'none'})")
    if not labels and not triggers:
        say("  nothing seen")


def _print_lenses(values: Mapping[str, object], names: Mapping[str, str]) -> None:
    say(values["image"])
    for lens in values["lenses"]:  # type: ignore[attr-defined]
        say(f"  {lens['rank']}. {names[lens['lens_id']]:<24} {lens['score']:.2f}  because of its {lens['reason']}")
    seconds = values["seconds"]
    if isinstance(seconds, Mapping):
        say("  " + ", ".join(f"{stage} {1000 * value:.0f} ms" for stage, value in seconds.items()))
