"""What a detector's script is given and gives back. Standard library only: it runs in every detector's environment."""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

INPUT_SIZE = (256, 320)  # height, width: photos of 480×640 at half their size


@dataclass(frozen=True)
class Task:
    """One training: `data` holds images/, train.json and val.json, `work` is an empty folder of its own."""

    data: Path
    work: Path
    seed: int
    share: float  # of the training's full length

    def length(self, full: int) -> int:
        """The epochs or updates to train, of `full` at the whole budget."""
        return max(1, round(full * self.share))

    def coco(self, name: str) -> dict[str, Any]:
        """The COCO file `name`, its images in their order."""
        return dict(json.loads((self.data / name).read_text()))

    def photo(self, image: Mapping[str, Any]) -> Path:
        return self.data / "images" / str(image["file_name"])


def read_task() -> Task:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--share", type=float, required=True)
    return Task(**vars(parser.parse_args()))


def core_seconds() -> float:
    """CPU seconds of this process so far: all its threads and ended children, user and system."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def found(image: Mapping[str, Any], xyxy: Sequence[float], *, score: float, category_id: int) -> dict[str, Any]:
    """One detection as COCO's result files have it; `xyxy` in pixels of the photo."""
    left, top, right, bottom = (float(side) for side in xyxy)
    bbox = [left, top, right - left, bottom - top]
    return {"image_id": image["id"], "category_id": int(category_id), "bbox": bbox, "score": float(score)}


def write_result(
    task: Task,
    detections: Sequence[Mapping[str, Any]],
    *,
    trained: Mapping[str, float],
    settings: Mapping[str, object],
    packages: Sequence[str],
) -> None:
    """`trained` is what the training took, start-up included: core_seconds, photos, parameters."""
    versions = {name: version(name) for name in packages}
    result = {"trained": dict(trained), "settings": dict(settings), "versions": versions, "detections": detections}
    (task.work / "result.json").write_text(json.dumps(result))
