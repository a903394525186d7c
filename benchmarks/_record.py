"""Where measurements go: one JSON line each, with hardware, versions, commit, seed and n."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scanml.tracking import describe_environment, git_commit

ROOT = Path(__file__).parents[1]
PLACE = "SCANML_BENCHMARK_RESULTS"  # environment: a folder other than benchmarks/results
RESULTS = Path(os.environ.get(PLACE, ROOT / "benchmarks" / "results"))


def record(benchmark: str, values: Mapping[str, object], *, settings: Mapping[str, object]) -> Path:
    """Append `values` to results/<benchmark>-<hardware>-<versions>.jsonl and return its path."""
    environment = describe_environment()
    cores, machine = environment["scanml.cores"], environment["scanml.machine"]
    versions = "-".join(
        f"{name[:2]}{environment[f'scanml.version.{name}']}"
        for name in ("tensorflow", "keras")
        if f"scanml.version.{name}" in environment
    )
    line = {
        "benchmark": benchmark,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": git_commit(ROOT),
        "changed": _has_changes(),
        "processor": _processor(),
        "environment": environment,
        "settings": dict(settings),
        "values": dict(values),
    }
    path = RESULTS / f"{benchmark}-{cores}core-{machine}-{versions}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line["values"], indent=1))
    return path


def measure_seconds(work: Callable[[], object], *, repeats: int, warmup: int = 1) -> dict[str, float]:
    """Median and spread of the wall seconds of `work`, after `warmup` runs that do not count."""
    seconds = []
    for number in range(warmup + repeats):
        start = time.perf_counter()
        work()
        if number >= warmup:
            seconds.append(time.perf_counter() - start)
    return {"median_s": statistics.median(seconds), "min_s": min(seconds), "max_s": max(seconds), "n": repeats}


def run_command(words: Sequence[str]) -> float:
    """Run a command of this Python environment, its output on ours; returns wall seconds, fails if it fails."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", *words], check=True)
    return time.perf_counter() - start


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _has_changes() -> bool:
    """Whether the work tree differs from its commit, results and pictures aside."""
    command = ["git", "status", "--porcelain", "--", ".", ":!benchmarks/results", ":!docs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())
