"""Is a step that is killed at any moment resumed by the same command, and never half-written?

    python -m benchmarks.kill [--rounds 20] [--steps train export ...]

Every step runs as a real `scanml` process on a tiny drawn world: first undisturbed, then `--rounds` times with kill -9
at a moment drawn uniformly from the time in which it works (from the first sign of OUT.partial on: before there is
nothing to lose). At that moment OUT must be absent or finished; the same command must then end, leave the products of
the undisturbed run and nothing beside them. Two process starts a round: about 20 s on 2 cores, 45 minutes in all.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._record import record
from scanml.datasets.synthetic import draw_world
from scanml.errors import ScanmlError
from scanml.steps.report import StepReport, is_finished, read_verified
from scanml.tracking import ModelRegistry
from scanml.tracking.mlflow_store import connect

MINUTES = 45

NUM_IMAGES = 24
NAME = "kill"
EXPERIMENT = f"""
from scanml.models import SceneDetectorConfig
from scanml.steps import EvaluationConfig, Experiment, GateConfig, Rule
from scanml.training import TrainConfig

def config():
    return Experiment(
        name="{NAME}",
        detector=SceneDetectorConfig(size="tiny", image_size=(96, 96)),
        train=TrainConfig(steps=60, batch_size=2, checkpoint_every=5, log_every=5),
        evaluation=EvaluationConfig(num_resamples=50),
        gate=GateConfig(detector=(Rule(metric="AP50", floor=0.0),)),
    )
"""
INPUTS: Mapping[str, Mapping[str, str]] = {  # of each step: the name of an input, and which step's output it is
    "validate": {"data": "data"},
    "extract": {"data": "data", "report": "validate"},
    "train": {"shards": "extract"},
    "evaluate": {"model": "train", "shards": "extract"},
    "gate": {"candidate": "evaluate"},
    "export": {"detector": "train", "detector_verdict": "gate", "markers": "extract", "catalog": "extract"},
    "register": {"bundle": "export"},
}
NOT_REPRODUCIBLE = (
    "export",
    "register",
)  # TensorFlow numbers a SavedModel's nodes anew; a version belongs to its store
PATIENCE_SECONDS = 300


@dataclass
class Tally:
    """What became of a step's rounds."""

    work_s: float
    rounds: int = 0
    resumed: int = 0
    half_written: int = 0
    finished_when_killed: int = 0
    moments_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bench:
    """The folder with the experiment, the data, an empty MLflow store and every step's undisturbed output."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "empty.db"

    def start(self, step: str, place: Path) -> subprocess.Popen[bytes]:
        """The step as a process, writing `place`/out."""
        place.mkdir(exist_ok=True)
        if step == "register" and not (place / "mlflow.db").exists():
            shutil.copy2(self.store, place / "mlflow.db")
        words = [sys.executable, "-m", "scanml", step, "--config", str(self.folder / "kill.py"), "--quiet"]
        for name, source in INPUTS[step].items():
            words += ["--in", f"{name}={self.folder / source / ('' if source == 'data' else 'out')}"]
        words += ["--out", str(place / "out")]
        words += ["--track", f"sqlite:///{place / 'mlflow.db'}"] if step == "register" else []
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", nargs="+", choices=tuple(INPUTS), default=tuple(INPUTS))
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parsed = parser.parse_args()
    rng = random.Random(parsed.seed)
    with tempfile.TemporaryDirectory() as name:
        tallies = measure(Bench(Path(name)), parsed.steps, rounds=parsed.rounds, rng=rng)
    settings = {"rounds": parsed.rounds, "seed": parsed.seed, "images": NUM_IMAGES}
    record("kill", {step: vars(tally) for step, tally in tallies.items()}, settings=settings)
    sys.exit(any(tally.failures for tally in tallies.values()))


def measure(bench: Bench, steps: list[str], *, rounds: int, rng: random.Random) -> dict[str, Tally]:
    """Run all steps undisturbed, then kill each of `steps`."""
    (bench.folder / "kill.py").write_text(EXPERIMENT)
    draw_world(bench.folder / "data", num_images=NUM_IMAGES, seed=0)
    connect(f"sqlite:///{bench.store}").search_experiments()  # makes its tables
    tallies = {}
    for step in INPUTS:
        work_s = run_undisturbed(bench, step)
        if step in steps:
            tallies[step] = Tally(work_s)
    for step, tally in tallies.items():
        while tally.rounds < rounds:
            kill_once(bench, step, tally, moment=rng.uniform(0, 1.05 * tally.work_s))
            print(f"{step} {tally.resumed}/{tally.rounds} {tally.failures[-1:]}", file=sys.stderr)
    return tallies


def run_undisturbed(bench: Bench, step: str) -> float:
    """Seconds from the first sign of OUT.partial to the report."""
    place = bench.folder / step
    process = bench.start(step, place)
    wait_for(place / "out.partial", process)
    start = time.monotonic()
    if process.wait() != 0:
        sys.exit(f"{step} fails undisturbed: {(bench.folder / 'log').read_text()[-2000:]}")
    return (place / "out" / "report.json").stat().st_mtime - time.time() + time.monotonic() - start


def kill_once(bench: Bench, step: str, tally: Tally, *, moment: float) -> None:
    """One round; one in which the process has ended before `moment` does not count."""
    place = Path(tempfile.mkdtemp(prefix=f"{step}-", dir=bench.folder))  # MLflow remembers what stood at a path before
    process = bench.start(step, place)
    wait_for(place / "out.partial", process)
    time.sleep(moment)
    process.kill()
    if process.wait() == 0:
        shutil.rmtree(place)
        return
    tally.rounds += 1
    tally.moments_s.append(round(moment, 3))
    reference = read_verified(bench.folder / step / "out")
    if (place / "out").exists():
        tally.finished_when_killed += 1
        if complaint := find_fault(step, place, reference):
            tally.half_written += 1
            tally.failures.append(f"killed after {moment:.3f} s: {complaint}")
    code = bench.start(step, place).wait()
    complaint = f"ended with {code}" if code else find_fault(step, place, reference) or find_rest(step, place)
    if complaint:
        tally.failures.append(f"killed after {moment:.3f} s, run again: {complaint}")
    else:
        tally.resumed += 1
    shutil.rmtree(place)


def find_fault(step: str, place: Path, reference: StepReport) -> str | None:
    """What is wrong with a finished output, measured by the undisturbed one."""
    out = place / "out"
    if not is_finished(out):
        return f"no report, but {sorted(path.name for path in out.iterdir())}"
    try:
        report = read_verified(out, step=step)
    except ScanmlError as error:
        return str(error)
    if not report.verdict.passed:
        return f"refused: {report.verdict.reasons}"
    names, wanted = (sorted(file_names(folder)) for folder in (out, place.parent / step / "out"))
    if names != wanted:
        return f"products differ: {set(names) ^ set(wanted)}"
    if step not in NOT_REPRODUCIBLE and report.fingerprint != reference.fingerprint:
        return f"fingerprint {report.fingerprint}, undisturbed {reference.fingerprint}"
    return None


def find_rest(step: str, place: Path) -> str | None:
    """What a resumed step has left beside its output, or twice in the registry."""
    left = {path.name for path in place.iterdir()} - {"out"}
    if step != "register":
        return f"left beside it: {left}" if left else None
    uri = f"sqlite:///{place / 'mlflow.db'}"
    versions = [int(found.version) for found in connect(uri).search_model_versions(f"name = '{NAME}'")]
    registry = ModelRegistry(uri)
    if versions != [1] or registry.challenger(NAME) != 1:
        return f"versions {versions}, challenger {registry.challenger(NAME)}"
    try:
        registry.download(NAME, 1, out=place / "downloaded")
    except ScanmlError as error:
        return str(error)
    return f"left beside it: {left}" if any(name.startswith("out") for name in left) else None


def file_names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"{path} never appeared")
        time.sleep(0.001)


if __name__ == "__main__":
    main()
