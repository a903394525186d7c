"""Do the frameworks load, and what do they see? Each is asked in a process that may hang or crash as it likes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from scanml.cli.doctor.check import Check

_SECONDS = 90.0  # TensorFlow takes 3 to 8 on 2 busy cores, from a cold network disk ten times that
_FLOAT16, _BFLOAT16 = 7, 8  # CUDA compute capability, major, whose tensor cores know it: NVIDIA, CUDA C guide, 16.1
_CPU_BFLOAT16 = {"amx_bf16", "avx512_bf16"}  # as /proc/cpuinfo names them


@dataclass(frozen=True)
class Probed:
    """What a probe said, or why it did not."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True)
class _Running:
    child: subprocess.Popen[bytes]
    said: IO[bytes]
    errors: IO[bytes]

    def rewound(self) -> tuple[IO[bytes], IO[bytes]]:
        self.said.seek(0)
        self.errors.seek(0)
        return self.said, self.errors


def check_imports(environment: Mapping[str, str], *, seconds: float = _SECONDS) -> list[Check]:
    """TensorFlow with Keras, JAX, OpenCV and the MLflow server, asked at the same time; and what precision is fast."""
    names = ["tensorflow", "cv2"]
    names += ["jax"] if _is_installed("jax") else []
    names += ["mlflow"] if environment.get("MLFLOW_TRACKING_URI") else []
    probed = probe_all(names, environment, seconds=seconds)
    cards = len(list(Path("/dev").glob("nvidia[0-9]*")))
    return [
        _framework("TensorFlow", probed["tensorflow"], cards, "scanml[gpu]"),
        _framework("JAX", probed["jax"], cards, "jax[cuda12]")
        if "jax" in probed
        else Check("JAX", "not installed, not needed"),
        _loaded("cv2", probed["cv2"]),
        _precision(probed["tensorflow"]),
        _tracker(probed.get("mlflow")),
    ]


def probe_all(names: Sequence[str], environment: Mapping[str, str], *, seconds: float) -> dict[str, Probed]:
    """Ask `scanml.cli.doctor.probe` for each name; a crash, a hang and nonsense are told as a failure."""
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(_probe(name, environment)) for name in names}
        return {name: _outcome(probe, deadline, seconds) for name, probe in running.items()}


@contextlib.contextmanager
def _probe(name: str, environment: Mapping[str, str]) -> Iterator[_Running]:
    command = [sys.executable, "-P", "-m", "scanml.cli.doctor.probe", name]  # -P: no modules from the working directory
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:  # files, as pipes can outlive a child
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=errors, env=dict(environment), start_new_session=True
        )
        try:
            yield _Running(child, said, errors)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _outcome(running: _Running, deadline: float, seconds: float) -> Probed:
    try:
        code = running.child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Probed(failure=f"no answer within {seconds:g} s")
    said, errors = (file.read().decode(errors="replace").strip() for file in running.rewound())
    if code < 0:
        return Probed(failure=f"crashed by {signal.Signals(-code).name}")
    if code > 0:
        return Probed(failure=(errors.splitlines() or ["failed without a word"])[-1][:300])
    try:
        return Probed(json.loads(said.splitlines()[-1]))
    except (IndexError, ValueError):
        return Probed(failure="gave no answer")


def _framework(name: str, probed: Probed, cards: int, package: str) -> Check:
    check = _loaded(name, probed)
    if probed.failure:
        return check
    gpus = [gpu["name"] for gpu in probed.facts["gpus"]]
    found = f"{check.found}, {', '.join(gpus) or 'no GPU'}"
    if gpus or not cards:
        return Check(name, found)
    remedy = f"pip install '{package}' brings CUDA; also look at nvidia-smi and CUDA_VISIBLE_DEVICES."
    return Check(name, f"{found}, though the machine has {cards}", "warning", remedy)


def _loaded(name: str, probed: Probed) -> Check:
    if not probed.failure:
        return Check(name, f"{probed.facts['version']} works")
    remedy = f"python -c 'import {name.lower()}' shows all of it; mend what it names, or make a new environment."
    return Check(name, f"does not load: {probed.failure}", "problem", remedy)


def _precision(tensorflow: Probed) -> Check:
    """What computes faster than float32 here, by `train.precision`."""
    majors = [int(gpu["capability"][0]) for gpu in tensorflow.facts.get("gpus", ()) if gpu["capability"]]
    if majors:
        fast = [n for n, least in (("mixed_float16", _FLOAT16), ("mixed_bfloat16", _BFLOAT16)) if min(majors) >= least]
        return Check("precision", ", ".join(["float32", *fast]))
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    has_bfloat16 = bool(flags & _CPU_BFLOAT16)
    return Check("precision", "float32, mixed_bfloat16" if has_bfloat16 else "float32 (others are emulated, slower)")


def _tracker(probed: Probed | None) -> Check:
    if probed is None:
        return Check("MLflow store", "MLFLOW_TRACKING_URI is not set: a local SQLite file")
    failure = probed.failure or str(probed.facts.get("failure", ""))
    if not failure:
        return Check("MLflow store", str(probed.facts["answer"]))
    remedy = "check MLFLOW_TRACKING_URI and that the server runs, or unset it."
    return Check("MLflow store", failure, "problem", remedy)


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
