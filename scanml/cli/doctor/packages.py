"""What is installed, and does it fit together? Read from the packages' metadata; nothing is imported."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from scanml.cli.doctor.check import Check
from scanml.tracking.environment import PACKAGES

_OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_ALSO = ("jax", "jaxlib", "protobuf", "ml-dtypes", "pillow", "pycocotools")  # what else decides whether frameworks load
_BACKENDS = ("tensorflow", "jax")  # what `train.backend` may be


def check_python() -> Check:
    """The interpreter, the platform, and whether scanml is made for them."""
    found = f"{platform.python_version()} on {platform.platform()}, {platform.machine()}"
    wanted = SpecifierSet(str(metadata.metadata("scanml").json.get("requires_python", "")))
    if platform.python_version() in wanted:
        return Check("python", found)
    return Check("python", found, "problem", f"scanml needs Python {wanted}: make an environment with one.")


def versions() -> Check:
    """Everything that decides numbers, as installed."""
    installed = {name: version for name in dict.fromkeys((*PACKAGES, *_ALSO)) if (version := _version(name))}
    return Check("packages", ", ".join(f"{name} {version}" for name, version in installed.items()))


def check_requirements() -> list[Check]:
    """What scanml and JAX depend on, each in a version that its users allow: one problem for every misfit."""
    misfits = [
        Check(
            "requirements", f"{package} needs {wanted}, {wanted.name} {found or 'is not installed'}", "problem", remedy
        )
        for package, wanted, found in _misfits()
        for remedy in [f"{_pip()} install '{wanted.name}{wanted.specifier}', or make a new environment."]
    ]
    return misfits or [Check("requirements", "all versions fit together")]


def check_opencv() -> Check:
    """OpenCV's four packages write into one folder, cv2: of several, the one installed last wins, file by file."""
    installed = {name: version for name in _OPENCVS if (version := _version(name))}
    found = " and ".join(f"{name} {version}" for name, version in installed.items()) or "none"
    if len(installed) == 1:
        return Check("OpenCV", found)
    if not installed:
        return Check("OpenCV", found, "problem", f"{_pip()} install opencv-python-headless")
    remedy = f"keep one: {_pip()} uninstall {' '.join(installed)}; {_pip()} install opencv-python-headless"
    same = len(set(installed.values())) == 1
    return Check("OpenCV", f"{found} in one folder", "warning" if same else "problem", remedy)


def check_keras_backend(environment: Mapping[str, str]) -> Check:
    """What Keras takes where nobody chooses: the environment, else its file, else TensorFlow."""
    path = Path(environment.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    source, name = "default", "tensorflow"
    if environment.get("KERAS_BACKEND"):
        source, name = "KERAS_BACKEND", environment["KERAS_BACKEND"]
    elif path.is_file():
        try:
            source, name = str(path), str(json.loads(path.read_bytes()).get("backend", "tensorflow"))
        except (OSError, ValueError, AttributeError, RecursionError):
            return Check("Keras backend", f"{path} is not JSON", "problem", "mend or remove the file.")
    found = f"{name} ({source})"
    if name in _BACKENDS:
        return Check("Keras backend", found)
    return Check(
        "Keras backend", found, "warning", f"scanml knows {' and '.join(_BACKENDS)}: set KERAS_BACKEND to one."
    )


def _misfits() -> Iterator[tuple[str, Requirement, str | None]]:
    """(package, what it needs, the version there is) of all that scanml and JAX need, directly or not."""
    waiting, seen = ["scanml", *(name for name in ("jax",) if _version(name))], set[str]()
    while waiting:
        package = waiting.pop(0)
        for wanted in _requirements(package):
            found = _version(wanted.name)
            if found is None or not wanted.specifier.contains(found, prereleases=True):
                yield package, wanted, found
            name = re.sub(r"[-_.]+", "-", wanted.name).lower()  # as PyPA's name normalization has it
            if found is not None and name not in seen:
                seen.add(name)
                waiting.append(name)


def _requirements(package: str) -> Iterator[Requirement]:
    for text in metadata.requires(package) or ():
        try:
            wanted = Requirement(text)
        except InvalidRequirement:  # of an old package: nothing to compare
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield wanted


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _pip() -> str:
    return f"{Path(sys.executable).name} -m pip"
