"""What a step reads: known by what is in it, and fetched where it lies on an object store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from scanml.errors import ArtifactError, GateError
from scanml.steps.report import REPORT, fingerprint_input, is_finished, parse_report, read_report
from scanml.steps.scratch import fetched
from scanml.steps.store import Store


class Inputs:
    """The inputs of a step by name. The output of a step at a URI is known by its report, and fetched only for work.

    Raises:
        ArtifactError: from both methods: nothing is there, it is unfinished, or it cannot be read.
    """

    def __init__(self, sources: Mapping[str, Path | str], copies: contextlib.ExitStack) -> None:
        self.sources = sources
        self._copies = copies
        self._paths: dict[str, Path] = {}

    def fingerprints(self) -> dict[str, str]:
        """What is in each; raw data at a URI is fetched here: only its bytes tell."""
        found: dict[str, str] = {}
        for name, source in self.sources.items():
            data = Store(source).read(REPORT) if isinstance(source, str) else None
            if data is not None:
                found[name] = parse_report(data, where=f"{source}/{REPORT}").fingerprint
            else:
                found[name] = fingerprint_input(name, self._fetch(name))
        return found

    def fetch(self, fingerprints: Mapping[str, str]) -> dict[str, Path]:
        """Where each lies on this machine, as it was when it had these fingerprints."""
        known = set(self._paths)
        for name in self.sources:
            path = self._fetch(name)
            if name not in known and read_report(path).fingerprint != fingerprints[name]:
                raise ArtifactError(f"{self.sources[name]}: was made anew meanwhile; give the same command again.")
        return self._paths

    def refuse_refused(self) -> None:
        """No step builds on what an earlier one has refused: a `GateError`."""
        for name, path in self._paths.items():
            if is_finished(path) and not (report := read_report(path)).verdict.passed:
                reasons = "; ".join(reason.rstrip(". ") for reason in report.verdict.reasons[:3])
                raise GateError(f"{self.sources[name]}: `scanml {report.step}` refused it: {reasons}.")

    def _fetch(self, name: str) -> Path:
        if name not in self._paths:
            source = self.sources[name]
            self._paths[name] = source if isinstance(source, Path) else self._copies.enter_context(fetched(source))
        return self._paths[name]


@contextlib.contextmanager
def reading(sources: Mapping[str, Path | str]) -> Iterator[Inputs]:
    """The inputs at `sources`; local copies stay as they are meanwhile."""
    with contextlib.ExitStack() as copies:
        yield Inputs(sources, copies)
