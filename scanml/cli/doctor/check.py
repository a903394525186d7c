"""What one look found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Check:
    """What was looked at, what there is, how bad that is, and what to do about it."""

    name: str
    found: str
    level: Level = "ok"
    remedy: str = ""
