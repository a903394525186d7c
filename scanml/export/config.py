"""What is chosen about the bundle."""

from __future__ import annotations

from dataclasses import dataclass

from scanml.config import check_fields


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Which formats the bundle holds. The SavedModel is always there; `litert` adds files for phones."""

    litert: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
