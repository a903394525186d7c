"""`scanml doctor`: is this machine ready? Looks, imports frameworks in processes of their own, changes nothing."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from scanml.cli.doctor.check import Check
from scanml.cli.doctor.report import hide_private, page
from scanml.cli.say import say

PROBLEM = 2


def run_doctor(parsed: argparse.Namespace) -> int:
    """Say what is there, what is wrong and what to do; 2 when something is a problem."""
    checks = [hide_private(check) for check in examine(parsed.out)]
    num_problems = sum(check.level == "problem" for check in checks)
    if parsed.json:
        print(json.dumps({"passed": not num_problems, "checks": [vars(check) for check in checks]}))
    else:
        say(page(checks))
    return PROBLEM if num_problems else 0


def examine(out: Path) -> list[Check]:
    """All checks, in the order in which they are read; `out` is where the user means to write."""
    from scanml.cli.doctor.imports import check_imports
    from scanml.cli.doctor.machine import check_cores, check_disk, check_memory
    from scanml.cli.doctor.packages import check_keras_backend, check_opencv, check_python, check_requirements, versions

    return [
        check_python(),
        versions(),
        *check_requirements(),
        check_opencv(),
        check_keras_backend(os.environ),
        *check_imports(os.environ),
        check_cores(),
        check_memory(),
        check_disk("disk at --out", out),
        check_disk("disk for temporary files", Path(tempfile.gettempdir())),
    ]
