"""The demo: the whole job on a drawn scan world."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from scanml.errors import ArtifactError, ConfigError
from scanml.pipelines.run import Finished, run
from scanml.pipelines.summary import Photo, write_summary
from scanml.steps.experiment import load_experiment, smoke_test

NUM_IMAGES = 1_000
NUM_SMOKE_IMAGES = 24  # a few more than a smoke test uses
_DRAWN = "drawn.json"  # beside the world: what it was drawn from


def demo(out: str | Path, *, seed: int = 0, smoke: bool = False, fresh: bool = False) -> Finished:
    """Draw a world in `out`/world, run `experiments/scan.py` on it, and write `out`/report.html.

    What an earlier call has finished is kept, also half of it, unless `fresh`.
    """
    out = Path(out)
    experiment = load_experiment("scan")
    experiment = smoke_test(experiment) if smoke else experiment
    world, drawn = out / "world", {"seed": seed, "images": NUM_SMOKE_IMAGES if smoke else NUM_IMAGES}
    if world.exists() and not (world / _DRAWN).is_file():
        raise ConfigError(f"{world}: holds something that the demo did not draw; choose another --out.")
    if fresh:
        shutil.rmtree(world, ignore_errors=True)
    if not world.exists():
        _draw(world, drawn)
    elif (world / _DRAWN).read_text() != json.dumps(drawn):
        raise ConfigError(f"{world}: holds another world than {drawn}; choose another --out, or --fresh.")
    finished = run(replace(experiment, name="demo"), world, out, fresh=fresh)
    if not finished.was_done or not (out / "report.html").exists():
        write_summary(finished, photos=showcase(world), title="What the camera saw")
    return finished


def showcase(world: Path) -> list[Photo]:
    """The five frames of a drawn world, with the lens that each should get."""
    rows = json.loads((world / "frames.json").read_bytes())
    return [
        Photo(Path(row["image"]).stem, (world / row["image"]).read_bytes(), row["expected_lens"], row["why"])
        for row in rows
    ]


def _draw(world: Path, drawn: dict[str, int]) -> None:
    from scanml.datasets.synthetic import draw_world

    drawing = world.with_name(f"{world.name}.partial")
    shutil.rmtree(drawing, ignore_errors=True)
    try:
        drawing.mkdir(parents=True)
        with tqdm(total=drawn["images"], desc="draw the world", unit="image", disable=None) as bar:
            progress = lambda count: bar.update(count - bar.n)  # noqa: E731
            draw_world(drawing, num_images=drawn["images"], seed=drawn["seed"], progress=progress)
        (drawing / _DRAWN).write_text(json.dumps(drawn))
        drawing.rename(world)
    except OSError as error:
        raise ArtifactError(f"{world}: cannot be written ({error.strerror}); choose another --out.") from error
