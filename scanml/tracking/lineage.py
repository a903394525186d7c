"""From a registered model back to its images: which run made it of what, and what that was made of.

A step's run bears the fingerprint of what it made, and the fingerprints of what it read are its inputs: equal ones
belong together, whether or not the steps ran under one parent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scanml.structures.display import html_table
from scanml.tracking.mlflow_store import KEY_TAG, connect, search
from scanml.tracking.stores import reaching

if TYPE_CHECKING:
    from scanml.tracking.mlflow_store import Dataset, MlflowClient, Run

FINGERPRINT_TAG = "scanml.fingerprint"  # of what a step has made
IMAGES_TAG = "scanml.images."  # + split: how many images, and their fingerprint


@dataclass(frozen=True)
class TrackedRun:
    """A step's run: `images` of the splits that it has cut, the commit where it ran in a git work tree."""

    run_id: str
    step: str
    scanml_version: str | None
    git_commit: str | None
    parent_run_id: str | None
    images: Mapping[str, str]

    def __str__(self) -> str:
        code = f"scanml {self.scanml_version or '?'}" + (f", commit {self.git_commit[:10]}" if self.git_commit else "")
        return f"{self.step}, run {self.run_id[:8]}, {code}"


@dataclass(frozen=True)
class Ancestor:
    """Something that a run has read: where it lay, and, if the store knows it, the run that had made it."""

    name: str
    fingerprint: str
    source: str
    run: TrackedRun | None = None
    inputs: tuple[Ancestor, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.fingerprint} ← {self.run or self.source}"


@dataclass(frozen=True)
class Lineage:
    """A version of a model, the run that registered it, and all that it comes from.

    Printed, it is a tree, in which what was shown once is not unfolded again.
    """

    model: str
    version: int
    run: TrackedRun
    inputs: tuple[Ancestor, ...]

    def walk(self) -> Iterator[tuple[int, Ancestor, bool]]:
        """(depth, ancestor, whether it was met before), top down."""
        seen: set[str] = set()
        stack = [(1, ancestor) for ancestor in reversed(self.inputs)]
        while stack:
            depth, ancestor = stack.pop()
            again = ancestor.fingerprint in seen
            seen.add(ancestor.fingerprint)
            yield depth, ancestor, again
            if not again:
                stack += [(depth + 1, below) for below in reversed(ancestor.inputs)]

    def __str__(self) -> str:
        lines = [f"{self.model} version {self.version} ← {self.run}"]
        if self.run.parent_run_id:
            lines[0] += f", of run {self.run.parent_run_id[:8]}"
        for depth, ancestor, again in self.walk():
            lines.append(f"{'  ' * depth}{ancestor}{' (see above)' if again and ancestor.run else ''}")
            for split, images in ({} if again or not ancestor.run else ancestor.run.images).items():
                lines.append(f"{'  ' * (depth + 1)}{split}: {images}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            ("· " * depth + ancestor.name, ancestor.fingerprint, ancestor.run or ancestor.source)
            for depth, ancestor, again in self.walk()
            if not again
        ]
        return html_table(["read", "fingerprint", "made by"], rows, caption=f"{self.model} version {self.version}")


def lineage(store: str, model: str, version: int) -> Lineage:
    """Where version `version` of `model` in the MLflow store at `store` comes from.

    Raises:
        ArtifactError: the store cannot be reached, or does not know the version.
    """
    client = connect(store, must_exist=True)
    with reaching(store):
        found = client.get_model_version(model, str(version))
        key = found.tags.get(KEY_TAG)  # of a run that came after the version: its store had been away
        run = next(search(client, f"tags.`{KEY_TAG}` = '{key}'"), None) if key else None
        run = run or client.get_run(found.run_id)
        return Lineage(model, version, _describe(run), _inputs(client, run, {}))


def _inputs(client: MlflowClient, run: Run, known: dict[str, Ancestor]) -> tuple[Ancestor, ...]:
    return tuple(_ancestor(client, found.dataset, run, known) for found in run.inputs.dataset_inputs)


def _ancestor(client: MlflowClient, dataset: Dataset, reader: Run, known: dict[str, Ancestor]) -> Ancestor:
    name, digest, source = dataset.name, dataset.digest, _place(dataset.source)
    if digest not in known:
        known[digest] = Ancestor(name, digest, source)  # already: a store that lies in a circle ends here
        maker = _maker(client, digest, reader)
        if maker is not None:
            known[digest] = Ancestor(name, digest, source, _describe(maker), _inputs(client, maker, known))
    return replace(known[digest], name=name, source=source)


def _maker(client: MlflowClient, fingerprint: str, reader: Run) -> Run | None:
    """The run that has made it: one of the reader's own parent before others, the latest before older ones."""
    parent = reader.data.tags.get("mlflow.parentRunId")
    runs = list(search(client, f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'"))
    family = [run for run in runs if parent and run.data.tags.get("mlflow.parentRunId") == parent]
    return next(iter(family or runs), None)


def _describe(run: Run) -> TrackedRun:
    tags = run.data.tags
    return TrackedRun(
        run_id=run.info.run_id,
        step=run.info.run_name or tags.get("scanml.step", "?"),
        scanml_version=tags.get("scanml.version.scanml"),
        git_commit=tags.get("mlflow.source.git.commit"),
        parent_run_id=tags.get("mlflow.parentRunId"),
        images={name.removeprefix(IMAGES_TAG): text for name, text in tags.items() if name.startswith(IMAGES_TAG)},
    )


def _place(source: str) -> str:
    """The path or URI in what MLflow keeps as a data set's source; other trackers' sources as they are."""
    try:
        return str(json.loads(source)["uri"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return source
