"""What was found in data: single findings, and a report that puts those of one kind together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from scanml.errors import DataError
from scanml.structures.display import html_table

Severity = Literal["error", "warning"]

MAX_RECORDS = 1000  # named of one kind: about 200 kB of JSON, and the rest goes wrong in the same way
_NUM_EXAMPLES = 3  # of a kind in one sentence


@dataclass(frozen=True, slots=True)
class Spot:
    """A file that shows what a finding says, and the box in its picture, if the finding is about one.

    `box` is left, top, right, bottom in pixels of an image of `size` (width, height), both as the labels have them.
    """

    path: Path
    box: tuple[float, float, float, float] | None = None
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in data: where (file and record), what is wrong, what to do.

    `kind` names the mistake in a few words; findings of one kind are counted and shown together. `spots` are where to
    look, two for a pair of pictures. `count` is how many records the finding stands for.
    """

    severity: Severity
    where: str
    problem: str
    remedy: str
    kind: str = "other"
    spots: tuple[Spot, ...] = ()
    count: int = 1

    def __post_init__(self) -> None:
        if self.severity not in get_args(Severity):
            raise DataError(f"Finding.severity must be one of {get_args(Severity)}, received {self.severity!r}.")

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.problem} {self.remedy}".rstrip()


@dataclass(frozen=True)
class FindingGroup:
    """All findings of one kind."""

    severity: Severity
    kind: str
    findings: tuple[Finding, ...]

    @property
    def count(self) -> int:
        """How many records they stand for."""
        return sum(finding.count for finding in self.findings)

    @property
    def named(self) -> tuple[Finding, ...]:
        """The findings that name their record."""
        return tuple(finding for finding in self.findings if finding.count == 1)

    def __str__(self) -> str:
        examples = "; ".join(
            f"{finding.where}: {finding.problem} {finding.remedy}".strip() for finding in self.findings[:_NUM_EXAMPLES]
        )
        rest = self.count - sum(finding.count for finding in self.findings[:_NUM_EXAMPLES])
        return f"{self.severity}: {self.kind} ({self.count:,}): {examples}{f'; … and {rest:,} more' if rest else ''}"

    def to_json(self) -> dict[str, object]:
        """Plain JSON values; at most 1,000 records are named, `count` counts all."""
        records = [{"where": f.where, "problem": f.problem, "remedy": f.remedy} for f in self.named[:MAX_RECORDS]]
        return {"severity": self.severity, "kind": self.kind, "count": self.count, "records": records}


@dataclass(frozen=True)
class DataReport:
    """What `validate` found. `counts` says how much was looked at, `class_counts` class → split → number of boxes."""

    findings: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    class_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("counts", "class_counts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[object, ...]:  # a read-only view cannot be pickled
        return type(self), (self.findings, dict(self.counts), dict(self.class_counts))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a pipeline."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def passed(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    @property
    def groups(self) -> tuple[FindingGroup, ...]:
        """The findings by kind: errors first, then as they were found."""
        by_kind: dict[tuple[Severity, str], list[Finding]] = {}
        for finding in self.findings:
            by_kind.setdefault((finding.severity, finding.kind), []).append(finding)
        groups = [FindingGroup(severity, kind, tuple(found)) for (severity, kind), found in by_kind.items()]
        return tuple(sorted(groups, key=lambda group: group.severity != "error"))

    def to_json(self) -> dict[str, object]:
        """Plain JSON values: `counts`, `class_counts` and the `findings` by kind."""
        classes = {name: dict(by_split) for name, by_split in self.class_counts.items()}
        findings = [group.to_json() for group in self.groups]
        return {"counts": dict(self.counts), "class_counts": classes, "findings": findings}

    def _repr_html_(self) -> str:
        verdict = f"{'passed' if self.passed else 'refused'}, findings: {sum(f.count for f in self.findings):,}"
        firsts = [(group, group.findings[0]) for group in self.groups]
        rows = [(g.severity, g.kind, g.count, first.where, first.problem, first.remedy) for g, first in firsts]
        header = ["severity", "kind", "number", "for example", "problem", "remedy"]
        return html_table(header, rows, caption=verdict) + html_table(["counted", "number"], self.counts.items())


def bounded(findings: Iterable[Finding]) -> list[Finding]:
    """The first 1,000 findings of every kind, and one for all that follow: a million wrong boxes need no gigabyte."""
    seen: Counter[tuple[Severity, str]] = Counter()
    kept: list[Finding] = []
    for finding in findings:
        key = finding.severity, finding.kind
        seen[key] += finding.count
        if seen[key] <= MAX_RECORDS:
            kept.append(finding)
    for (severity, kind), count in seen.items():
        if rest := count - sum(f.count for f in kept if (f.severity, f.kind) == (severity, kind)):
            kept.append(Finding(severity, "more records", "the same again.", "", kind, count=rest))
    return kept
