"""Figures as tables: the README's, made from the committed results, and the one at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks._figures import PROMISES, Figure, Row, figures, read_rows

HARDWARE = "2core-x86_64"  # what the README's table speaks of
HEADER = ("benchmark", "figure", "measured", "interval, n", "target", "reached")


def readme_table(results: Path) -> str:
    """The README's table in Markdown: a line for each promise that has been measured on `HARDWARE`."""
    found = {name: read_rows(results, name, hardware=HARDWARE) for name in PROMISES}
    measured = {name: (figures(name, rows), rows[-1]) for name, rows in found.items() if rows}
    newest = max((row for _, row in measured.values()), key=lambda row: str(row["at"]))
    lines = [f"| promise | measured ({_machine(newest)}) | script |", "|---|---|---|"]
    for name, (numbers, _) in measured.items():
        if numbers:
            said = "; ".join(map(_say, numbers))
            lines.append(f"| {PROMISES[name].text} | {said} | `benchmarks/{name}.py` |")
    return "\n".join(lines)


def run_table(states: Mapping[str, str], results: Path) -> str:
    """One aligned line for each figure of the benchmarks that ran, or for what became of one: name → "" or a state."""
    lines: list[Sequence[str]] = [HEADER]
    for name, state in states.items():
        rows = [] if state else read_rows(results, name)
        numbers = figures(name, rows) if rows else []
        lines += [_cells(name, figure) for figure in numbers]
        if not numbers:
            lines.append((name, state or "recorded nothing", "", "", "", ""))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _cells(name: str, figure: Figure) -> Sequence[str]:
    reached = ("yes" if figure.reached else "no") if figure.target else ""
    return name, figure.name, figure.measured, figure.note, figure.target, reached


def _say(figure: Figure) -> str:
    words = [figure.name, figure.measured, figure.note]
    if figure.target:
        words.append(f"(target {figure.target}{'' if figure.reached else ': **not reached**'})")
    return " ".join(word for word in words if word)


def _machine(row: Row) -> str:
    environment = row["environment"]
    names = {"tensorflow": "TensorFlow", "keras": "Keras"}
    versions = [
        f"{title} {'.'.join(environment[f'scanml.version.{name}'].split('.')[:2])}" for name, title in names.items()
    ]
    return ", ".join([f"{environment['scanml.cores']} cores", environment["scanml.machine"], *versions])
