"""Cores, memory and disk, as far as this process may use them: a container gets less than the machine has."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from scanml.cli.doctor.check import Check, Level

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_NEEDED_MEMORY_GB = 2.0  # `scanml train --config detect` took 1.4 GB at batches of 16 (measured, TensorFlow 2.21)
_NEEDED_DISK_GB = 1.0  # shards, checkpoints and bundle of a few thousand photos; the demo writes 0.07
_TINY_DISK_GB = 0.1


def check_cores(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> Check:
    """Cores that are seen and cores that may be used; frameworks start a thread for each that they see."""
    seen = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else seen
    shares = [
        quota / period
        for quota, period in (map(_number, text.split()) for text in _limits(cgroups, own, "cpu.max"))
        if quota and period
    ]
    if quota := _number(_read(cgroups / "cpu" / "cpu.cfs_quota_us")):  # version 1, as a container sees it
        shares.append(quota / (_number(_read(cgroups / "cpu" / "cpu.cfs_period_us")) or 1))
    usable = min([allowed, *shares])
    found = f"{seen} seen, {usable:g} usable"
    if usable > allowed - 1:
        return Check("cores", found)
    count = max(1, round(usable))
    remedy = (
        f"so that threads do not wait for each other: export TF_NUM_INTRAOP_THREADS={count} OMP_NUM_THREADS={count}"
    )
    return Check("cores", found, "warning", remedy)


def check_memory(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP, meminfo: Path = Path("/proc/meminfo")) -> Check:
    """Memory of the machine or the container, and what is free of it."""
    texts = [*_limits(cgroups, own, "memory.max"), _read(cgroups / "memory" / "memory.limit_in_bytes")]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    usable = min([total, *(number for text in texts if (number := _number(text)))])
    available = re.search(r"^MemAvailable:\s*(\d+) kB$", _read(meminfo), re.MULTILINE)
    usable_gb, free_gb = usable / 1e9, min(usable, int(available[1]) * 1024 if available else usable) / 1e9
    found = f"{free_gb:.1f} of {usable_gb:.1f} GB free"
    if free_gb >= _NEEDED_MEMORY_GB:
        return Check("memory", found)
    return Check("memory", found, "warning", f"training needs about {_NEEDED_MEMORY_GB:g} GB: end other programs.")


def check_disk(name: str, place: Path) -> Check:
    """Free space where `place` is or will be, and whether it can be written."""
    there, free_gb = _nearest(place)
    found = f"{free_gb:.1f} GB free at {there}"
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return Check(name, f"{there} cannot be written", "problem", "choose another folder, or mend its permissions.")
    if free_gb >= _NEEDED_DISK_GB:
        return Check(name, found)
    level: Level = "problem" if free_gb < _TINY_DISK_GB else "warning"
    return Check(name, found, level, "make room, or choose another disk (--out; TMPDIR for temporary files).")


def _nearest(place: Path) -> tuple[Path, float]:
    """The part of a path that is there, and the space that is free at it in GB."""
    for there in (place.absolute(), *place.absolute().parents):
        with contextlib.suppress(OSError):  # not there, or in a folder that may not be looked into
            return there, shutil.disk_usage(there).free / 1e9
    return Path("/"), 0.0


def _limits(cgroups: Path, own: Path, file: str) -> Iterator[str]:
    """The contents of `file` in this process's cgroup of version 2 and in all those above it: the least one counts."""
    own_path = next((line[3:] for line in _read(own).splitlines() if line.startswith("0::")), "/")
    folder = cgroups / own_path.strip("/")
    for place in (folder, *folder.parents):
        if place.is_relative_to(cgroups) and (text := _read(place / file)):
            yield text


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):  # not there on other systems
        return ""


def _number(text: str) -> float | None:
    """A positive number; None for `max`, -1 and nothing."""
    try:
        return float(text) if float(text) > 0 else None
    except ValueError:
        return None
