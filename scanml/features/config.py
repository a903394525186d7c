"""What is chosen about the measuring of pixels."""

from __future__ import annotations

from dataclasses import dataclass

from scanml.config import check_fields
from scanml.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LocalConfig:
    """How keypoints are found."""

    max_side_px: int = 640  # SIFT's cost follows the area: about 70 ms of one core at 640×480 (measured 2026-11)
    min_side_px: int = 16  # SIFT's descriptor spans 16×16 samples (Lowe 2004, sec. 6.1)
    grid: int = 6  # cells a side over which points are spread; as in the prototype that was measured 2026-11
    cell_surplus: float = 2.0  # a cell keeps this many times its fair share before weaker cells are served: a choice

    def __post_init__(self) -> None:
        check_fields(self)
        if self.grid < 1 or self.cell_surplus < 1 or not 1 <= self.min_side_px <= self.max_side_px:
            raise ConfigError(
                f"LocalConfig needs grid >= 1, cell_surplus >= 1, 1 <= min_side_px <= max_side_px; received {self}."
            )
