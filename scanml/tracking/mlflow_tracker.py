"""`MlflowTracker`: a run in MLflow that never gets in the way of the work it writes down."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from scanml.config import to_json
from scanml.errors import ArtifactError
from scanml.tracking.environment import describe_environment, git_commit
from scanml.tracking.journal import UNSENT, Journal, find_waiting
from scanml.tracking.limits import MAX_DATASET_NAME, MAX_DIGEST, MAX_PARAM, fit_key, fit_tags, fit_text, flatten
from scanml.tracking.mlflow_store import connect, load_mlflow
from scanml.tracking.sender import Sender, sender_to
from scanml.tracking.stores import is_local, without_password
from scanml.tracking.tracker import RunStatus

_log = logging.getLogger(__name__)


class MlflowTracker:
    """A run in the MLflow store at `uri`. Every call is a line in a journal; a thread sends it within 5 s.

    A store that is away or hangs stops nothing: one warning names the folder where everything waits (`unsent`), and
    `scanml sync` sends it later with its original times, as does the next run into the same folder. `close` waits 3 s
    for a sign of life, and no longer than 30 s for a store that gives them.

    Raises:
        ArtifactError: a local store or the folder `unsent` cannot be written.
    """

    def __init__(self, sender: Sender, journal: Journal) -> None:
        self._sender = sender
        self._journal = journal
        self._closed = False
        self._writes = True
        sender.add(journal)

    @classmethod
    def start(
        cls,
        uri: str,
        *,
        experiment: str,
        run_name: str,
        parent_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        unsent: Path = Path(UNSENT),
    ) -> MlflowTracker:
        """Begin a run; environment, git commit (of the working folder) and `tags` become its tags."""
        sender = _open_store(uri, unsent)
        commit = git_commit(Path.cwd())
        all_tags = describe_environment() | dict(tags or {})
        all_tags |= {"mlflow.source.git.commit": commit} if commit else {}
        values = {"experiment": experiment, "run_name": run_name, "parent": parent_run_id, "tags": fit_tags(all_tags)}
        return cls(sender, Journal.create(unsent, "begin", {"store": without_password(uri), **values}))

    @classmethod
    def resume(cls, uri: str, run_id: str, *, unsent: Path = Path(UNSENT)) -> MlflowTracker:
        """Go on writing into a run that was begun before."""
        sender = _open_store(uri, unsent)
        return cls(sender, Journal.create(unsent, "resume", {"store": without_password(uri), "run": run_id}))

    @property
    def run_id(self) -> str:
        """MLflow's id, or `unsent-…` while it has given none: later the tag `scanml.run_key` finds the run by that."""
        self._sender.wait(lambda: self._journal.run_id is not None or self._journal.finished)
        return self._journal.run_id or self._journal.key

    def log_params(self, params: Mapping[str, object]) -> None:
        """Write `params`; configs and mappings become dotted names, lists JSON, values at most 6,000 characters."""
        flat = flatten({name: to_json(value) for name, value in params.items()})
        self._write("params", {fit_key(name): fit_text(value, limit=MAX_PARAM) for name, value in flat})

    def log_metrics(self, values: Mapping[str, float], *, step: int) -> None:
        """Write `values` at `step`. Characters that MLflow refuses in names become `_`: `AP@.5` is `AP_.5` there."""
        metrics = {fit_key(name): float(value) for name, value in values.items()}
        self._write("metrics", {"step": step, "metrics": metrics})

    def log_dataset(self, name: str, fingerprint: str, *, source: str) -> None:
        """Write down that this run used the data called `name`, found at `source` (path or URI)."""
        digest = fingerprint[:MAX_DIGEST]
        self._write("dataset", {"name": name[:MAX_DATASET_NAME], "digest": digest, "source": without_password(source)})

    def log_artifact(self, path: Path) -> None:
        """Store a file, or a folder under its own name, as it is now."""
        if not path.exists():
            raise ArtifactError(f"{path} does not exist and cannot be stored in MLflow; write it first.")
        self._write("artifact", path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._write("tags", fit_tags(tags))

    def close(self, status: RunStatus = "FINISHED") -> None:
        """Send what waits and end the run, or (`RUNNING`) leave it open for `resume`."""
        if self._closed:
            return
        self._closed = True
        self._write("end", {"status": status})
        self._sender.nudge()
        if not self._sender.wait(lambda: self._journal.finished):
            self._sender.warn(f"MLflow store {without_password(self._sender.uri)} does not answer.", self._journal)

    def _write(self, kind: str, values: Mapping[str, object] | Path) -> None:
        if not self._writes:
            return
        try:
            entry = {"path": self._journal.stage(values)} if isinstance(values, Path) else values
            self._journal.append(kind, entry)
        except OSError as error:  # the work goes on as long as it can write its own files
            self._writes = False
            _log.warning("%s: cannot be written (%s); this run is no longer tracked.", self._journal.folder, error)


def _open_store(uri: str, unsent: Path) -> Sender:
    """The sender to `uri`, with what killed processes have left for it; a local store is opened here and now."""
    load_mlflow()
    if is_local(uri):
        connect(uri)
    sender = sender_to(uri)
    for waiting in find_waiting(unsent):
        if waiting.store != without_password(uri):
            continue
        try:
            journal = Journal.open(waiting.folder)
        except ArtifactError as error:  # somebody else's run, and no reason to stop this one
            _log.warning("%s It is left in %s.", error, waiting.folder)
            continue
        if journal is not None:
            sender.add(journal)
    return sender
