"""The benchmarks: which there are, a run of some, and the README's table.

    python -m benchmarks                    lists them: what for, how long, and what of their needs is not here
    python -m benchmarks startup parity     runs these, one after the other, each in a process of its own
    python -m benchmarks all --out DIR      runs all whose needs are here; measurements go to DIR
    python -m benchmarks --table            prints the README's table, made from the results

A benchmark is a module in this folder that runs without arguments. Its docstring's first line says what for, `MINUTES`
about how long it takes on 2 cores, and `NEEDS` what it cannot do without: packages by their import name, and folders,
which contain a slash and may begin with an environment variable. Both are literals, so that listing imports nothing.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._record import PLACE, RESULTS
from benchmarks._table import readme_table, run_table

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    """A module of the folder, and what it says of itself."""

    path: Path
    purpose: str
    minutes: float
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.path.stem

    def missing(self) -> list[str]:
        """What it needs and is not here."""
        return [need for need in self.needs if not self._has(need)]

    def run(self, out: Path) -> int:
        """Run it in a process of its own, its measurements into `out`; returns the exit code."""
        command = [sys.executable, "-m", f"{self.path.parent.name}.{self.name}"]
        environment = os.environ | {PLACE: str(out)}
        return subprocess.run(command, cwd=self._root, env=environment, check=False).returncode

    @property
    def _root(self) -> Path:
        return self.path.parent.parent

    def _has(self, need: str) -> bool:
        if "/" in need:
            return (self._root / os.path.expandvars(need)).exists()
        return importlib.util.find_spec(need) is not None


def main(words: Sequence[str] | None = None, *, folder: Path = FOLDER) -> int:
    """The command; returns its exit code: 1 where a benchmark failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="which to run, or all; none: list them")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where measurements go (default: benchmarks/results)")
    parser.add_argument("--table", action="store_true", help="print the README's table from the results in --out")
    parsed = parser.parse_args(words)
    if parsed.table:
        print(readme_table(parsed.out))
        return 0
    known = {found.name: found for found in find_benchmarks(folder)}
    unknown = set(parsed.names) - {*known, "all"}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; known: all, {', '.join(known)}.")
    if not parsed.names:
        print(_list(list(known.values())))
        return 0
    chosen = list(known) if "all" in parsed.names else list(dict.fromkeys(parsed.names))
    return run_all([known[name] for name in chosen], parsed.out.resolve())


def find_benchmarks(folder: Path) -> list[Benchmark]:
    """The benchmarks of a folder by name; modules with an underscore belong to the others."""
    return [_read(path) for path in sorted(folder.glob("[!_]*.py"))]


def run_all(benchmarks: Sequence[Benchmark], out: Path) -> int:
    """Run them in turn, leave out those whose needs are absent, go on after a failure, end with one table."""
    states: dict[str, str] = {}
    for benchmark in benchmarks:
        missing = benchmark.missing()
        if missing:
            states[benchmark.name] = f"skipped, not here: {', '.join(missing)}"
        else:
            print(f"{benchmark.name}: about {benchmark.minutes:g} minutes", flush=True)
            code = benchmark.run(out)
            states[benchmark.name] = f"FAILED with exit code {code}" if code else ""
        if states[benchmark.name]:
            print(f"{benchmark.name}: {states[benchmark.name]}", flush=True)
    print(f"\n{run_table(states, out)}")
    return int(any(state.startswith("FAILED") for state in states.values()))


def _read(path: Path) -> Benchmark:
    """What the source says, without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {
        target.id: ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id in ("MINUTES", "NEEDS")
    }
    if "MINUTES" not in said:
        sys.exit(f"{path}: expected MINUTES = about how long it takes on 2 cores; add it below the imports.")
    purpose = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Benchmark(path, purpose, said["MINUTES"], tuple(said.get("NEEDS", ())))


def _list(benchmarks: Sequence[Benchmark]) -> str:
    width = max(len(benchmark.name) for benchmark in benchmarks)
    lines = []
    for benchmark in benchmarks:
        lines.append(f"{benchmark.name:{width}}  {benchmark.minutes:4g} min  {benchmark.purpose}")
        missing = benchmark.missing()
        needs = [f"{need} ({'not here' if need in missing else 'here'})" for need in benchmark.needs]
        if needs:
            lines.append(f"{'':{width}}            needs {', '.join(needs)}")
    total = sum(benchmark.minutes for benchmark in benchmarks)
    return "\n".join([*lines, f"{'all':{width}}  {total:4g} min"])


if __name__ == "__main__":
    sys.exit(main())
