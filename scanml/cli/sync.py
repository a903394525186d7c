"""`scanml sync`: runs that an MLflow store did not take in time are sent to it."""

from __future__ import annotations

import argparse
import sys

from scanml.cli.say import plain, say
from scanml.errors import ArtifactError, ConfigError
from scanml.tracking.journal import UNSENT, Waiting, find_waiting
from scanml.tracking.stores import StoreError, with_password

INCOMPLETE = 2


def run_sync(parsed: argparse.Namespace) -> int:
    """Send what waits in a folder, the oldest first; where a run stays, also one still written, the exit code is 2."""
    if not parsed.folder.is_dir():
        raise ConfigError(f"{parsed.folder}: there is no such folder; name the one that the warning named.")
    waiting = [*find_waiting(parsed.folder), *find_waiting(parsed.folder / UNSENT)]
    from tqdm import tqdm

    away: set[str] = set()
    num_sent = num_left = 0
    for run in tqdm(waiting, desc="sync", unit="run", disable=None):
        try:
            run_id = _send(run, parsed.track, away)
            num_sent, num_left = num_sent + bool(run_id), num_left + (not run_id)
            said = f"sent   {run.name} → run {run_id}" if run_id else f"busy   {run.name}: a process works on it"
        except ArtifactError as error:
            num_left, said = num_left + 1, f"left   {run.name}: {error}"
            if isinstance(error, StoreError) and not error.is_final:
                away.add(run.store)
        tqdm.write(plain(said), file=sys.stdout)
    say(f"{num_sent} of {len(waiting)} runs sent" if waiting else f"nothing waits in {parsed.folder}")
    return INCOMPLETE if num_left else 0


def _send(run: Waiting, track: str | None, away: set[str]) -> str | None:
    if run.store in away:
        raise ArtifactError(f"the store {run.store} does not answer; it waits in {run.folder}.")
    from scanml.tracking.mlflow_store import load_mlflow
    from scanml.tracking.sender import send

    load_mlflow()
    if not track and not run.store:
        raise ArtifactError(f"{run.folder}: its first line does not name its store; name it with --track URI.")
    return send(run, track or with_password(run.store))
