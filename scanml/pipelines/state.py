"""What a run in OUT has settled once: the MLflow run of its steps, and the champion it is measured against."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from scanml.config import from_json, to_json
from scanml.errors import ArtifactError, ConfigError
from scanml.files import write_whole
from scanml.tracking.stores import local_store, without_password

FILE = "run.json"


@dataclass(frozen=True, kw_only=True)
class RunState:
    """`tracking_uri` and `parent_run_id` in MLflow; the champion's version and tasks, None and () if there was none.

    On the disk the store has no password: what is read names it without, until `settle` has found it again.

    The run's id is its key, and the champion not known, as long as the store has not answered.
    """

    tracking_uri: str
    parent_run_id: str
    champion_known: bool = True
    champion_version: int | None = None
    champion_tasks: tuple[str, ...] = ()


def read_state(out: Path) -> RunState | None:
    """What an earlier call in `out` has settled."""
    path = out / FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_bytes())
        if isinstance(values, dict) and "store" in values:  # the field's first name
            values["tracking_uri"] = values.pop("store")
        state = from_json(RunState, values, where=str(path))
    except (ValueError, RecursionError, ConfigError) as error:
        raise ArtifactError(f"{path}: damaged ({error}); remove it to start this run anew.") from error
    return replace(state, tracking_uri=state.tracking_uri or local_store(out))


def write_state(out: Path, state: RunState) -> None:
    """Write it, whole or not at all."""
    if state.tracking_uri == local_store(out):
        state = replace(state, tracking_uri="")  # it moves with `out`
    state = replace(state, tracking_uri=without_password(state.tracking_uri))
    write_whole(out / FILE, json.dumps(to_json(state), indent=1) + "\n")
