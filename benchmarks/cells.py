"""A detector from scratch on real photos of blood cells within 600 core-seconds: AP@.5 on the file that was kept apart.

    python -m benchmarks.cells --data $SCANML_SHARED/data/detect_cells --out cells-run

`val.json` is the test set, validation a hash-fifth of `train.json`; `experiments/cells.py` fixes the number of updates.
Core-seconds are the CPU time of the train step, start-up and children included.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from benchmarks._record import record, run_command
from scanml.steps import read_report

MINUTES = 8
NEEDS = ("$SCANML_SHARED/data/detect_cells",)

LIMIT_CORE_SECONDS = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SCANML_SHARED")
    parser.add_argument("--data", type=Path, default=Path(shared) / "data/detect_cells" if shared else None)
    parser.add_argument("--out", type=Path, default=Path("runs/cells"))
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    if parsed.data is None or not parsed.data.is_dir():
        parser.error("--data must name the folder detect_cells, or SCANML_SHARED the folder above data/.")
    folder = parsed.out / "data"
    if not folder.exists():
        shutil.copytree(parsed.data / "images", folder / "images")
        shutil.copy(parsed.data / "train.json", folder / "train.json")
        shutil.copy(parsed.data / "val.json", folder / "test.json")
    run = parsed.out / "run"
    words = ["scanml", "run", "--config", "cells", "--in", f"data={folder}", "--out", str(run)]
    run_command([*words, "--set", f"train.seed={parsed.seed}", "--fresh"])
    trained, evaluated = read_report(run / "train-detector"), read_report(run / "evaluate-detector")
    metrics = {
        name: [metric.value, metric.low, metric.high]
        for name, metric in evaluated.metrics.items()
        if name in ("AP", "AP50", "AP75", "IoU") or name.startswith(("AP/", "AP50/"))
    }
    record(
        "cells",
        {
            "core_seconds": trained.cpu_seconds,  # --fresh: of one attempt
            "within_limit": trained.cpu_seconds <= LIMIT_CORE_SECONDS,
            "seconds": trained.seconds,
            "parameters": trained.facts["parameters"],
            "test_images": evaluated.facts["images"],
            "metrics": metrics,
        },
        settings={"seed": parsed.seed, "limit_core_seconds": LIMIT_CORE_SECONDS, "updates": trained.facts["updates"]},
    )


if __name__ == "__main__":
    main()
