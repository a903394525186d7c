"""AR lenses, the catalogue of them, and one with its rank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from scanml.config import fingerprint
from scanml.errors import DataError
from scanml.structures.arrays import check_unique
from scanml.structures.display import html_table

Reason = Literal["marker", "object", "trigger", "popularity"]


@dataclass(frozen=True)
class Lens:
    """A lens and what it is tied to; `triggers` gives a weight per trigger, `popularity` is in [0, 1]."""

    lens_id: str
    name: str
    triggers: Mapping[str, float] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    marker_ids: tuple[str, ...] = ()
    popularity: float = 0.0

    def __post_init__(self) -> None:
        if not self.lens_id:
            raise DataError("a lens needs a lens_id that is not empty.")
        if not 0 <= self.popularity <= 1:
            raise DataError(f"lens {self.lens_id!r}: popularity must lie in [0, 1], received {self.popularity}.")
        bad = {name: weight for name, weight in self.triggers.items() if not (math.isfinite(weight) and weight >= 0)}
        if bad:
            raise DataError(f"lens {self.lens_id!r}: trigger weights must be finite and not negative, received {bad}.")
        object.__setattr__(self, "triggers", MappingProxyType(dict(self.triggers)))

    def to_json(self) -> dict[str, object]:
        """Plain JSON values, as in `lenses.json`."""
        return {
            "lens_id": self.lens_id,
            "name": self.name,
            "triggers": dict(self.triggers),
            "objects": list(self.objects),
            "marker_ids": list(self.marker_ids),
            "popularity": self.popularity,
        }


@dataclass(frozen=True)
class LensCatalog:
    """All lenses that may be ranked; ids are unique."""

    lenses: tuple[Lens, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "lenses", tuple(self.lenses))
        check_unique([lens.lens_id for lens in self.lenses], name="lens catalogue: lens_id")

    @property
    def version(self) -> str:
        """A fingerprint of the content."""
        return fingerprint([lens.to_json() for lens in self.lenses])

    def __len__(self) -> int:
        return len(self.lenses)

    def _repr_html_(self) -> str:
        rows = [
            (lens.name, ", ".join(lens.triggers), ", ".join(lens.objects), ", ".join(lens.marker_ids), lens.popularity)
            for lens in self.lenses
        ]
        return html_table(["lens", "triggers", "objects", "markers", "popularity"], rows)


@dataclass(frozen=True)
class RankedLens:
    """A lens that leaves the window: `rank` 1 is best, `score` is comparable within one frame only."""

    lens_id: str
    score: float
    rank: int
    reason: Reason

    def __post_init__(self) -> None:
        if self.rank < 1 or not math.isfinite(self.score):
            raise DataError(
                f"lens {self.lens_id!r}: expected a rank from 1 and a finite score, received {self.rank}, {self.score}."
            )
