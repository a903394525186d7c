"""Runs in MLflow. The only file that knows it: through `MlflowClient`, without MLflow's global current run.

MLflow is imported when a store is opened, never when this module is.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scanml.config import to_json
from scanml.errors import ArtifactError
from scanml.tracking.environment import describe_environment, git_commit
from scanml.tracking.limits import MAX_DATASET_NAME, MAX_DIGEST, MAX_PARAM, fit_key, fit_tags, fit_text, flatten
from scanml.tracking.stores import database_file, made_by_someone, new_database, one_at_a_time, reaching
from scanml.tracking.tracker import RunStatus

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

# Only defaults: what the user has set stays.
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # usage reports only when somebody switched them on
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # MLflow's 7 retries block a call for minutes
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",  # seconds before the retry
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds, MLflow's own is 120; an upload must be acknowledged within it
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout belongs to --json
}
CHATTY = ("mlflow.store.db.utils", "mlflow.store.model_registry", "mlflow.tracking", "alembic")  # tell of each table

MAX_PARAMS_PER_CALL, MAX_METRICS_PER_CALL = 100, 1000  # MLflow's limits (mlflow/utils/validation.py, 3.17)

TensorSpecs = Mapping[str, tuple[str, tuple[int, ...]]]  # name → (NumPy dtype, shape with -1 where free)

FLUSH_AFTER_SECONDS = 5.0  # a watcher's patience; one call to a store takes 3 ms (SQLite here) to 100 ms (a far server)
PAUSE_AFTER_FAILURE_SECONDS = 300.0  # a server that hangs blocks a call for 41 s (measured): at most 12 % of a training

_log = logging.getLogger(__name__)


def connect(uri: str) -> MlflowClient:
    """A client for the store at `uri`; a new SQLite store is built here, in about 1.5 s.

    Raises:
        ArtifactError: the store cannot be opened. A server is not asked before the first call.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    with reaching(uri):
        from mlflow.tracking import MlflowClient

        for name in CHATTY:
            logger = logging.getLogger(name)
            logger.setLevel(logger.level or logging.WARNING)
        with one_at_a_time(uri), new_database(uri) as place:
            if place is not None:  # built aside: a process killed on the way leaves no half of a database
                MlflowClient(tracking_uri=place, registry_uri=place)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


class MlflowTracker:
    """A run in the MLflow store at `uri`. Metrics are buffered and sent every few seconds and at `close`.

    A store that goes away does not stop a training: metrics then wait here, with a warning, until it is back, and
    only `close` fails.

    Raises:
        ArtifactError: the store cannot be reached or refuses; the message names it.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, uri: str) -> None:
        self._client = client
        self._run_id = run_id
        self._uri = uri
        self._metrics: list[Metric] = []
        self._sent_at = time.monotonic()
        self._closed = False

    @classmethod
    def start(
        cls,
        uri: str,
        *,
        experiment: str,
        run_name: str,
        parent_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> MlflowTracker:
        """Begin a run; environment, git commit (of the working folder) and `tags` become its tags."""
        client = connect(uri)
        commit = git_commit(Path.cwd())
        all_tags = describe_environment() | dict(tags or {})
        all_tags |= {"mlflow.source.git.commit": commit} if commit else {}
        all_tags |= {"mlflow.parentRunId": parent_run_id} if parent_run_id else {}
        with reaching(uri):
            experiment_id = open_experiment(client, uri, name=experiment)
            run = client.create_run(experiment_id, run_name=run_name, tags=fit_tags(all_tags))
        return cls(client, run.info.run_id, uri=uri)

    @classmethod
    def resume(cls, uri: str, run_id: str) -> MlflowTracker:
        """Go on writing into a run that was begun before."""
        return cls(connect(uri), run_id, uri=uri)

    @property
    def run_id(self) -> str | None:
        return self._run_id

    def log_params(self, params: Mapping[str, object]) -> None:
        """Write `params`; configs and mappings become dotted names, lists JSON, values at most 6,000 characters."""
        from mlflow.entities import Param

        flat = flatten({name: to_json(value) for name, value in params.items()})
        entities = [Param(fit_key(name), fit_text(value, limit=MAX_PARAM)) for name, value in flat]
        with reaching(self._uri):
            for start in range(0, len(entities), MAX_PARAMS_PER_CALL):
                self._client.log_batch(self._run_id, params=entities[start : start + MAX_PARAMS_PER_CALL])

    def log_metrics(self, values: Mapping[str, float], *, step: int) -> None:
        """Write `values` at `step`. Characters that MLflow refuses in names become `_`: `AP@.5` is `AP_.5` there."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        self._metrics += [Metric(fit_key(name), float(value), now_ms, step) for name, value in values.items()]
        if time.monotonic() - self._sent_at < FLUSH_AFTER_SECONDS:
            return
        try:
            self._flush()
        except ArtifactError as error:
            self._sent_at = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            _log.warning("%d metrics wait to be sent. %s", len(self._metrics), error)

    def log_dataset(self, name: str, fingerprint: str, *, source: str) -> None:
        """Write down that this run used the data called `name`, found at `source` (path or URI)."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        digest, location = fingerprint[:MAX_DIGEST], json.dumps({"uri": source})
        dataset = Dataset(name[:MAX_DATASET_NAME], digest, source_type="local", source=location)
        with reaching(self._uri):
            self._client.log_inputs(self._run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", name)])])

    def log_artifact(self, path: Path) -> None:
        """Store a file, or a folder under its own name."""
        if not path.exists():
            raise ArtifactError(f"{path} does not exist and cannot be stored in MLflow; write it first.")
        with reaching(self._uri):
            if path.is_dir():
                self._client.log_artifacts(self._run_id, str(path), path.name)
            else:
                self._client.log_artifact(self._run_id, str(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        entities = [RunTag(key, value) for key, value in fit_tags(tags).items()]
        with reaching(self._uri):
            self._client.log_batch(self._run_id, tags=entities)

    def close(self, status: RunStatus = "FINISHED") -> None:
        if self._closed:
            return
        self._flush()
        with reaching(self._uri):
            self._client.set_terminated(self._run_id, status)
        self._closed = True

    def _flush(self) -> None:
        self._sent_at = time.monotonic()
        while self._metrics:
            with reaching(self._uri):
                self._client.log_batch(self._run_id, metrics=self._metrics[:MAX_METRICS_PER_CALL])
            del self._metrics[:MAX_METRICS_PER_CALL]


def count_evaluations(uri: str, test_fingerprint: str) -> int:
    """How many `evaluate` runs the store at `uri` has seen on this test set, deleted ones included."""
    client = connect(uri)
    from mlflow.entities import ViewType

    query = f"tags.`scanml.test_fingerprint` = '{test_fingerprint}' and tags.`scanml.step` = 'evaluate'"
    with reaching(uri):
        experiments = [found.experiment_id for found in client.search_experiments(view_type=ViewType.ALL)]
        count, token = 0, None
        while True:
            page = client.search_runs(experiments, query, ViewType.ALL, page_token=token)
            count, token = count + len(page), page.token
            if not token:
                return count


def open_experiment(client: MlflowClient, uri: str, *, name: str) -> str:
    """The id of the experiment, made where it is missing; a local store keeps its artifacts beside the database."""
    if client.get_experiment_by_name(name) is None:
        database = database_file(uri)
        root = (database.parent / "mlartifacts").as_uri() if database else None
        with made_by_someone():
            client.create_experiment(name, artifact_location=root)
    return str(client.get_experiment_by_name(name).experiment_id)


def write_model_file(folder: Path, *, inputs: TensorSpecs, outputs: TensorSpecs) -> None:
    """Write `folder/MLmodel`, by which MLflow knows a model and its signature. No flavor: nothing is pickled."""
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    def schema(specs: TensorSpecs) -> Schema:
        return Schema([TensorSpec(np.dtype(dtype), shape, name) for name, (dtype, shape) in specs.items()])

    Model(signature=ModelSignature(inputs=schema(inputs), outputs=schema(outputs))).save(str(folder / "MLmodel"))
