"""Where a run takes place: versions, cores and the git commit, as tags. Reads metadata only, imports no framework."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("scanml", "keras", "tensorflow", "jax", "numpy", "opencv-python-headless", "mlflow")


def describe_environment() -> dict[str, str]:
    """Versions of Python and of the packages that decide numbers, platform and usable cores, one tag each.

    A package that is not installed is left out.

    >>> int(describe_environment()["scanml.cores"]) > 0
    True
    """
    tags = {
        "scanml.version.python": platform.python_version(),
        "scanml.platform": platform.platform(),
        "scanml.machine": platform.machine(),
        "scanml.cores": str(_usable_cores()),
    }
    for package in PACKAGES:
        version = _version(package)
        if version is not None:
            tags[f"scanml.version.{package}"] = version
    return tags


def git_commit(folder: Path) -> str | None:
    """The commit (40 hex digits) checked out in `folder`; None where there is no work tree, no commit yet or no git."""
    command = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _usable_cores() -> int:
    """Cores this process may use: a container's share where the system tells, else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
