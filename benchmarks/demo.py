"""The demo: how good, how long, and how many of the five frames get the right lens.

    python -m benchmarks.demo --out demo-run

Runs `scanml demo --fresh` and then `scanml demo` again, which has nothing left to do. `--picture FILE` writes the
README's picture: two of the frames as the exported bundle reads them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks._record import record, run_command
from scanml.datasets import read_image
from scanml.evaluation import draw_reading, encode_jpeg
from scanml.evaluation.gallery import DRAW_FROM
from scanml.pipelines.demo import NUM_IMAGES, showcase
from scanml.serving import Recommender
from scanml.steps import read_report

MINUTES = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path)
    parsed = parser.parse_args()
    words = ["scanml", "demo", "--out", str(parsed.out), "--seed", str(parsed.seed)]
    seconds, again = run_command([*words, "--fresh"]), run_command(words)
    recommender = Recommender(parsed.out / "bundle")
    if parsed.picture:
        parsed.picture.write_bytes(draw_frames(recommender, parsed.out / "world", ("reef_poster", "open_sky")))
    firsts = {
        photo.name: [recommender.recommend(photo.data, photo.name).lenses[0].lens_id, photo.expected_lens]
        for photo in showcase(parsed.out / "world")
    }
    metrics = {
        f"{task} {name}": [metric.value, metric.low, metric.high, metric.num_units]
        for task, names in {"detector": ("AP", "AP50"), "classifier": ("mAP", "F1", "ECE")}.items()
        for name, metric in read_report(parsed.out / f"evaluate-{task}").metrics.items()
        if name in names
    }
    record(
        "demo",
        {
            "seconds": seconds,
            "seconds_again": again,
            "frames_right": sum(first == expected for first, expected in firsts.values()),
            "frames": firsts,
            "metrics": metrics,
        },
        settings={"images": NUM_IMAGES, "seed": parsed.seed},
    )


def draw_frames(recommender: Recommender, world: Path, names: tuple[str, ...]) -> bytes:
    """The frames side by side, JPEG."""
    lenses = {lens.lens_id: lens.name for lens in recommender.catalog.lenses}
    pictures = []
    for name in names:
        path = world / "frames" / f"{name}.jpg"
        found = recommender.recommend(path.read_bytes(), name)
        pictures.append(draw_reading(read_image(path), found.reading, found.lenses, lenses, min_score=DRAW_FROM))
    return encode_jpeg(np.concatenate(pictures, axis=1))


if __name__ == "__main__":
    main()
