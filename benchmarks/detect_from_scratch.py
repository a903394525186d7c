"""Three detectors from scratch on photos of blood cells, with 1,200 core-seconds of training each.

    python -m benchmarks.detect_from_scratch --data $SCANML_SHARED/data/detect_cells

Ours, Ultralytics' YOLO11n and KerasHub's RetinaNet learn from all of `train.json`; pycocotools scores what they find on
`val.json`. Nothing stops early or is chosen on the way: every script in `benchmarks/detectors/` fixes its length, and
`--budget` shortens all of them alike. Core-seconds are the CPU time of the training process, user and system, with its
start. Each row is recorded when it is finished; rows that were recorded with the same settings are not run again, so
that the runs may be spread over several sittings. A peer's environment is made once, in `--environments`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._figures import Row, read_rows
from benchmarks._record import RESULTS, record

MINUTES = 140
NEEDS = ("$SCANML_SHARED/data/detect_cells",)

BUDGET_CORE_SECONDS = 1_200
DETECTORS = Path(__file__).parent / "detectors"
REQUIREMENTS: dict[str, tuple[str, ...]] = {  # none: this environment
    "ours": (),
    "yolo11n": ("ultralytics==8.4.190", "torch==2.14.1", "torchvision==0.29.1"),
    "retinanet": ("keras-hub==0.32.0", "keras==3.15.1", "tensorflow==2.21.0", "pillow"),
}
METRICS = ("AP", "AP50", "AP75")  # the first three of COCO's twelve numbers


@dataclass(frozen=True)
class Run:
    """One row: a model and a seed, and what would make another row of it."""

    model: str
    seed: int
    budget: int

    @property
    def settings(self) -> dict[str, object]:
        """With a hash of the detector's script and experiment: a row of other settings is another row."""
        files = [DETECTORS / f"{self.model}.py"]
        if self.model == "ours":
            files.append(DETECTORS.parents[1] / "experiments" / "cells_from_scratch.py")
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
        return {
            "model": self.model,
            "seed": self.seed,
            "budget_core_seconds": self.budget,
            "script": digest,
            "requirements": list(REQUIREMENTS[self.model]),
        }


def main() -> None:
    parsed = _parse()
    runs = [Run(model, seed, parsed.budget) for seed in parsed.seeds for model in parsed.models]
    for run in runs:
        if _find_row(run) is None:
            result = _train(run, parsed.data.resolve(), parsed.out / f"{run.model}-{run.seed}", parsed.environments)
            record("detect_from_scratch", _values(run, result, parsed.data), settings=run.settings)
    _print_table([row for run in runs if (row := _find_row(run))])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SCANML_SHARED")
    parser.add_argument("--data", type=Path, default=Path(shared) / "data/detect_cells" if shared else None)
    parser.add_argument("--models", nargs="+", choices=tuple(REQUIREMENTS), default=list(REQUIREMENTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--budget", type=int, default=BUDGET_CORE_SECONDS, help="core-seconds of each training")
    parser.add_argument("--out", type=Path, default=Path("runs/detect_from_scratch"))
    parser.add_argument("--environments", type=Path, default=Path("~/.cache/scanml-benchmarks").expanduser())
    parsed = parser.parse_args()
    if parsed.data is None or not parsed.data.is_dir():
        parser.error("--data must name the folder detect_cells, or SCANML_SHARED the folder above data/.")
    return parsed


def _train(run: Run, data: Path, work: Path, environments: Path) -> Mapping[str, Any]:
    """Run the detector's script in its environment and read what it wrote."""
    python = _environment(run.model, environments)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    words = {"data": data, "work": work.resolve(), "seed": run.seed, "share": run.budget / BUDGET_CORE_SECONDS}
    options = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    subprocess.run([str(python), str(DETECTORS / f"{run.model}.py"), *options], check=True)
    result: Mapping[str, Any] = json.loads((work / "result.json").read_text())
    return result


def _environment(model: str, environments: Path) -> Path:
    """The Python that has the model's packages; made on first use, finished when its list of packages stands."""
    requirements = REQUIREMENTS[model]
    if not requirements:
        return Path(sys.executable)
    folder = environments / model
    python, written = folder / "bin" / "python", folder / "requirements.txt"
    if not written.exists() or written.read_text().split() != list(requirements):
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
        written.write_text("\n".join(requirements))
    return python


def _values(run: Run, result: Mapping[str, Any], data: Path) -> dict[str, object]:
    trained = result["trained"]
    return {
        "metrics": score(data / "val.json", result["detections"]),
        "within_budget": trained["core_seconds"] <= run.budget,
        "photos_per_core_second": trained["photos"] / trained["core_seconds"],
        "trained": trained,
        "script_settings": result["settings"],
        "versions": result["versions"],
    }


def score(truth: Path, detections: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """COCO's AP, AP50 and AP75 over all and of each class, by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        judge = COCOeval(coco, coco.loadRes(list(detections)), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    metrics = {name: float(value) for name, value in zip(METRICS, judge.stats, strict=False)}
    precision = judge.eval["precision"][:, :, :, 0, -1]  # (thresholds, recalls, classes) at all sizes, 100 detections
    for index, category in enumerate(coco.loadCats(judge.params.catIds)):
        metrics[f"AP/{category['name']}"] = float(precision[:, :, index].mean())
        metrics[f"AP50/{category['name']}"] = float(precision[0, :, index].mean())
    return metrics


def _find_row(run: Run) -> Row | None:
    return next((row for row in read_rows(RESULTS, "detect_from_scratch") if row["settings"] == run.settings), None)


def _print_table(rows: Sequence[Row]) -> None:
    print(f"{'model':10} {'seeds':>5} {'AP':>6} {'AP50':>6} {'core-s':>7} {'photos/core-s':>13} {'parameters':>11}")
    for model in dict.fromkeys(row["settings"]["model"] for row in rows):
        values = [row["values"] for row in rows if row["settings"]["model"] == model]
        ap, ap50 = (statistics.fmean(value["metrics"][name] for value in values) for name in ("AP", "AP50"))
        spent = statistics.fmean(value["trained"]["core_seconds"] for value in values)
        speed = statistics.fmean(value["photos_per_core_second"] for value in values)
        parameters = values[0]["trained"]["parameters"]
        print(f"{model:10} {len(values):5} {ap:6.3f} {ap50:6.3f} {spent:7.0f} {speed:13.1f} {parameters:11,}")


if __name__ == "__main__":
    main()
