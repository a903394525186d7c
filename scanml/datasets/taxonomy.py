"""`taxonomy.json` beside the triggers, child → parent or parents by name: what a label says about others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scanml.config import nearest
from scanml.datasets.json_file import is_text, read_json
from scanml.datasets.triggers import TriggerLabels
from scanml.errors import DataError
from scanml.structures.findings import Finding
from scanml.structures.taxonomy import ancestors

MAX_PAIRS = 2_000  # Open Images has 600; all that is implied, at most the square of this, still fits into memory
_MAX_MEGABYTES = 1  # 500 bytes a pair
_REMEDY = 'Write {"cola": "drink", "drink": ["food", "liquid"]}: every trigger with its parent or parents.'
_NO_PICTURE = "taxonomy name without a picture"

Pairs = tuple[tuple[str, str], ...]  # (child, parent), sorted


@dataclass(frozen=True)
class Taxonomy:
    """What a taxonomy file says; without parents where a finding is an error."""

    path: Path
    parents: Pairs = ()
    findings: tuple[Finding, ...] = ()


def read_taxonomy(path: Path, labelled: Collection[str]) -> Taxonomy:
    """Read a taxonomy of triggers, of which pictures name those in `labelled`; what is wrong becomes findings."""
    try:
        parents = _parse(path)
        implied = ancestors(parents)
    except DataError as error:
        problem = str(error).removeprefix(f"{path}: ")
        return Taxonomy(path, (), (Finding("error", str(path), problem, _REMEDY, "wrong taxonomy"),))
    findings = tuple(_compare(path, implied, labelled))
    sound = all(finding.severity != "error" for finding in findings)
    return Taxonomy(path, parents if sound else (), findings)


def propagate(triggers: TriggerLabels, taxonomy: Taxonomy) -> TriggerLabels:
    """The labels with what they imply: all above what is present is present, all below what is absent is absent.

    The rest stays unknown. A picture that shows a trigger and lacks what it implies is left out, with a finding.
    """
    implied = ancestors(taxonomy.parents)
    implies: dict[str, set[str]] = {}
    for name, above in implied.items():
        for parent in above:
            implies.setdefault(parent, set()).add(name)
    by_image: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    findings: list[Finding] = []
    for image, (present, absent) in triggers.by_image.items():
        above = present.union(*(implied.get(name, ()) for name in present))
        below = absent.union(*(implies.get(name, ()) for name in absent))
        if above & below:
            where, problem = f"{triggers.path}: image {image!r}", _contradiction(present, absent, implied)
            remedy = f"Mend the line, or {taxonomy.path}."
            findings.append(Finding("error", where, problem, remedy, "label against the taxonomy"))
        else:
            by_image[image] = (above, below)
    names = tuple(sorted({*triggers.names, *implied}))
    found = (*triggers.findings, *taxonomy.findings, *findings)
    return replace(triggers, by_image=by_image, names=names, parents=taxonomy.parents, findings=found)


def _parse(path: Path) -> Pairs:
    values = read_json(path, max_megabytes=_MAX_MEGABYTES, members=_once)
    if not isinstance(values, dict):
        raise DataError(f"expected an object, received {str(values)[:80]!r}.")
    pairs = set()
    for child, parents in values.items():
        listed = parents if isinstance(parents, list) else [parents]
        if not all(map(is_text, [child, *listed])):
            raise DataError(f"{child!r}: expected the name of its parent or a list of names, received {parents!r:.80}.")
        pairs |= {(child, parent) for parent in listed}
    if len(pairs) > MAX_PAIRS:
        raise DataError(f"has {len(pairs)} parents; at most {MAX_PAIRS} are read.")
    return tuple(sorted(pairs))


def _once(members: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(members)
    if len(values) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{twice!r} is there twice; give all of its parents in one list.")
    return values


def _compare(path: Path, implied: Mapping[str, frozenset[str]], labelled: Collection[str]) -> Iterator[Finding]:
    """Names of the taxonomy that no picture is labelled with: an error where nothing below is labelled either."""
    reached = set(labelled).union(*(implied.get(name, ()) for name in labelled))
    for name in sorted(set(implied) - reached):
        problem = f"no picture is labelled with {name!r} or anything below it; {nearest(name, sorted(labelled))}"
        yield Finding("error", str(path), problem, "Mend or remove the name.", _NO_PICTURE)
    alone = sorted(set(implied) & reached - set(labelled))
    if alone:
        problem = f"of {len(alone)} triggers only what is below them is labelled, never they themselves: {alone[:9]}."
        remedy = "Mend the names if they are misspelt; else say on some pictures that they are absent."
        yield Finding("warning", str(path), problem, remedy, _NO_PICTURE)


def _contradiction(present: frozenset[str], absent: frozenset[str], implied: Mapping[str, frozenset[str]]) -> str:
    child = min(name for name in present if ({name} | implied.get(name, frozenset())) & absent)
    parent = min(implied[child] & absent)
    return f"{child!r} is present, but {parent!r}, which it implies, is absent."
