"""What a container may use is less than what it sees."""

import os
import shutil
from types import SimpleNamespace

import pytest

from scanml.cli.doctor.machine import check_cores, check_disk, check_memory


@pytest.fixture
def cgroups(tmp_path):
    """A tree of cgroups, version 2, and the file that says which one is ours."""
    folder = tmp_path / "cgroup"
    (folder / "a" / "b").mkdir(parents=True)
    own = tmp_path / "own"
    own.write_text("9:name=systemd:/\n0::/a/b\n")
    return folder, own


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_the_least_limit_of_all_cgroups_above_counts(cgroups, eight_cores):
    folder, own = cgroups
    (folder / "a" / "b" / "cpu.max").write_text("max 100000\n")
    assert check_cores(*cgroups).level == "ok"
    (folder / "a" / "cpu.max").write_text("150000 100000\n")
    (folder / "cpu.max").write_text("400000 100000\n")
    check = check_cores(folder, own)
    assert (check.found, check.level) == ("8 seen, 1.5 usable", "warning")
    assert "TF_NUM_INTRAOP_THREADS=2" in check.remedy


def test_version_1_and_no_cgroups_at_all(tmp_path, eight_cores):
    assert check_cores(tmp_path, tmp_path / "none").found == "8 seen, 8 usable"
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    assert check_cores(tmp_path, tmp_path / "none").level == "ok"
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("200000")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert check_cores(tmp_path, tmp_path / "none").found == "8 seen, 2 usable"


def test_memory_of_a_container_and_what_is_free(cgroups, tmp_path):
    folder, own = cgroups
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:   64000000 kB\nMemAvailable:    1000000 kB\n")
    (folder / "a" / "b" / "memory.max").write_text("1500000000")
    check = check_memory(folder, own, meminfo)
    assert (check.found, check.level) == ("1.0 of 1.5 GB free", "warning")
    meminfo.write_text("")
    assert check_memory(folder, own, meminfo).found == "1.5 of 1.5 GB free"


@pytest.mark.parametrize(("free", "level"), [(5e9, "ok"), (0.5e9, "warning"), (1e6, "problem")])
def test_free_space_is_looked_up_where_the_folder_will_be(tmp_path, monkeypatch, free, level):
    def usage(place):
        if not place.exists():
            raise FileNotFoundError(place)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    check = check_disk("disk", tmp_path / "not" / "yet")
    assert check.level == level and str(tmp_path) in check.found
    assert bool(check.remedy) == (level != "ok")


def test_a_place_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("")
    assert check_disk("disk", tmp_path / "file" / "out").level == "problem"
