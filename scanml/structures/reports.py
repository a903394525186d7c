"""What steps say of models: metrics with their intervals, verdicts. To and from JSON."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from scanml.config import from_json, to_json
from scanml.errors import DataError
from scanml.structures.display import html_table


@dataclass(frozen=True)
class Metric:
    """A number with its 95 % interval and the units (images, mostly) it was measured on. `None`, or NaN: undefined."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    num_units: int

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            undefined = number is None or math.isnan(number)
            object.__setattr__(self, name, None if undefined else float(number))
        if self.num_units < 0 or (self.low is not None and self.high is not None and self.low > self.high):
            raise DataError(
                f"metric {self.name!r} needs low <= high and num_units >= 0, "
                f"received {self.low}, {self.high} and {self.num_units}."
            )

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name} undefined (n = {self.num_units})"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.name} {self.value:.3f}{interval} (n = {self.num_units})"

    def _repr_html_(self) -> str:
        return html.escape(str(self))


@dataclass(frozen=True)
class GateVerdict:
    """Yes or no, with one reason per rule. `smoke` marks a yes that was given to try the machinery only."""

    passed: bool
    reasons: tuple[str, ...]
    smoke: bool = False

    def _repr_html_(self) -> str:
        verdict = f"{'yes' if self.passed else 'no'}{' (smoke)' if self.smoke else ''}"
        return html_table(["verdict", "reason"], [(verdict, reason) for reason in self.reasons] or [(verdict, "")])

    def to_json(self) -> object:
        """Plain JSON values."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: object, *, where: str) -> GateVerdict:
        """The value of what `to_json` gave; anything else is a `ConfigError` that names `where`."""
        return from_json(cls, values, where=where)


@dataclass(frozen=True)
class EvalReport:
    """Metrics of one model on one test set, by name.

    `test_fingerprint` changes with any test image or its truth, `num_leaked` counts the test images that the model was
    trained on, `page` is a self-contained HTML page.
    """

    task: str
    metrics: Mapping[str, Metric]
    num_images: int
    test_fingerprint: str
    num_leaked: int | None = None
    page: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))

    def __reduce__(self) -> tuple[object, ...]:  # a read-only view cannot be pickled
        return type(self), tuple((vars(self) | {"metrics": dict(self.metrics)}).values())

    def to_json(self) -> dict[str, object]:
        """Everything but the page."""
        return {
            "task": self.task,
            "metrics": to_json(self.metrics),
            "num_images": self.num_images,
            "test_fingerprint": self.test_fingerprint,
            "num_leaked": self.num_leaked,
        }

    @classmethod
    def from_json(cls, values: object, *, where: str) -> EvalReport:
        """The value of what `to_json` gave; anything else is a `ConfigError` that names `where`."""
        return from_json(cls, values, where=where)

    def _repr_html_(self) -> str:
        leak = f", {self.num_leaked} of them trained on" if self.num_leaked else ""
        rows = [(m.name, m.value, m.low, m.high, m.num_units) for m in self.metrics.values()]
        caption = f"{self.task} on {self.num_images} test images{leak}"
        return html_table(["metric", "value", "95 % from", "to", "n"], rows, caption=caption)
