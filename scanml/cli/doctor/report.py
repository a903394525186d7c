"""The page of a doctor: a line for each check, and a text for an issue that tells nothing about its sender."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scanml.cli.doctor.check import Check

_END = r"(?![\w-]|\.\w)"  # of a path's part; a full stop may follow


def page(checks: Sequence[Check]) -> str:
    """Levels, findings and remedies, a count, and a fenced block to paste."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.level:<9}{check.name:<{width}}  {check.found}")
        lines += [f"{'':<9}→ {check.remedy}"] if check.remedy else []
    counts = {level: sum(check.level == level for check in checks) for level in ("problem", "warning")}
    verdict = ", ".join(f"{n} {level}{'s' * (n > 1)}" for level, n in counts.items() if n) or "all is well"
    return "\n".join([*lines, "", f"{verdict}. To ask for help, paste this:", "", issue_text(checks)])


def issue_text(checks: Sequence[Check]) -> str:
    """A Markdown code block."""
    lines = [
        f"{'' if check.level == 'ok' else check.level.upper() + ' '}{check.name}: {check.found}" for check in checks
    ]
    return "\n".join(["```text", *(line.replace("```", "'''") for line in lines), "```"])


def hide_private(check: Check) -> Check:
    """The check with `~` for the home folder, and USER where the user's name is part of a path."""
    return replace(check, found=_hide(check.found), remedy=_hide(check.remedy))


def _hide(text: str) -> str:
    home = str(Path.home())
    if home != "/":  # of users that have none
        text = re.sub(re.escape(home) + _END, "~", text)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return text
    return re.sub(r"(?<=[/\\])" + re.escape(user) + _END, "USER", text)
