"""How runs are written into MLflow and found again. The only file that knows it: through `MlflowClient`, without
MLflow's global current run.

MLflow is imported when a store is opened, never when this module is.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from scanml.errors import ArtifactError
from scanml.tracking.journal import Entry, is_key
from scanml.tracking.stores import (
    database_file,
    made_by_someone,
    new_database,
    one_at_a_time,
    reaching,
    refuse_missing,
)

if TYPE_CHECKING:
    from mlflow.entities import Dataset as Dataset  # as: others name these types from here
    from mlflow.entities import Experiment
    from mlflow.entities import Run as Run
    from mlflow.store.entities import PagedList
    from mlflow.tracking import MlflowClient as MlflowClient

# Only defaults: what the user has set stays.
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # usage reports only when somebody switched them on
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # MLflow repeats what it has not seen the end of: there would be two runs
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds, MLflow's own is 120; an upload must be acknowledged within it
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout belongs to --json
}
CHATTY = {  # logger → what it may still say
    "mlflow.store.db.utils": logging.WARNING,  # tells of each table
    "mlflow.store.model_registry": logging.WARNING,
    "mlflow.tracking": logging.WARNING,
    "alembic": logging.WARNING,
    "urllib3.connectionpool": logging.ERROR,  # tells of each retry; what comes of it is said once
}
KEY_TAG = "scanml.run_key"

MAX_PARAMS_PER_CALL, MAX_METRICS_PER_CALL = 100, 1000  # MLflow's limits (mlflow/utils/validation.py, 3.17)

T = TypeVar("T")
TensorSpecs = Mapping[str, tuple[str, tuple[int, ...]]]  # name → (NumPy dtype, shape with -1 where free)


def connect(uri: str, *, must_exist: bool = False) -> MlflowClient:
    """A client for the store at `uri`; a new SQLite store is built here, in about 1.5 s, unless it `must_exist`.

    Raises:
        ArtifactError: the store cannot be opened, or must be there and is not. A server is asked by the first call.
    """
    if must_exist:
        refuse_missing(uri)
    load_mlflow()
    with reaching(uri):
        from mlflow.tracking import MlflowClient

        with one_at_a_time(uri), new_database(uri) as place:
            if place is not None:  # built aside: a process killed on the way leaves no half of a database
                MlflowClient(tracking_uri=place, registry_uri=place)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def load_mlflow() -> None:
    """Import MLflow with our defaults. Not from a thread: a package that two threads import at once may be half one."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow.tracking  # noqa: F401

    for name, level in CHATTY.items():
        logger = logging.getLogger(name)
        logger.setLevel(logger.level or level)


def write_entries(
    client: MlflowClient, run_id: str | None, entries: Sequence[Entry], *, artifact: Path | None = None
) -> str:
    """Write entries of one kind (more than one only of metrics); returns the run's id. Writing twice changes nothing.

    `artifact` is where the file or folder of an `artifact` lies.

    Raises:
        ArtifactError: a journal that does not begin with `begin` or `resume`. MLflow's own errors pass.
    """
    kind, values, time_ms = entries[0].kind, entries[0].values, entries[0].time_ms
    if kind in ("begin", "resume"):
        return run_id or (_begin(client, values, time_ms) if kind == "begin" else _find(client, values["run"]))
    if run_id is None:
        raise ArtifactError(f"a run begins with `begin` or `resume`, received `{kind}`; remove it.")
    if artifact is not None:
        _write_artifact(client, run_id, artifact)
    elif kind == "end":
        if values["status"] != "RUNNING":
            client.set_terminated(run_id, values["status"], time_ms)
    else:
        _WRITERS[kind](client, run_id, entries)
    return run_id


def _begin(client: MlflowClient, values: Mapping[str, Any], time_ms: int) -> str:
    """A new run, or the one that an earlier attempt has made without hearing of it."""
    uri = client.tracking_uri
    experiment_id = open_experiment(client, uri, name=values["experiment"])
    found = client.search_runs([experiment_id], f"tags.`{KEY_TAG}` = '{values['key']}'")
    if found:
        return str(found[0].info.run_id)
    tags = {**values["tags"], KEY_TAG: values["key"]}
    if values["parent"] is not None:
        tags["mlflow.parentRunId"] = _find(client, values["parent"])
    return str(client.create_run(experiment_id, time_ms, tags, values["run_name"]).info.run_id)


def _find(client: MlflowClient, run_id: str) -> str:
    """MLflow's id of a run that is known by its key, or by that id already."""
    if not is_key(run_id):
        return run_id
    found = next(search(client, f"tags.`{KEY_TAG}` = '{run_id}'"), None)
    if found is None:
        raise ArtifactError(f"the run {run_id}, to which this one belongs, is not in the store; send that one first.")
    return str(found.info.run_id)


def _write_params(client: MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    from mlflow.entities import Param

    params = [Param(name, value) for name, value in entries[0].values.items()]
    for start in range(0, len(params), MAX_PARAMS_PER_CALL):
        client.log_batch(run_id, params=params[start : start + MAX_PARAMS_PER_CALL])


def _write_metrics(client: MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    from mlflow.entities import Metric

    metrics = [
        Metric(name, float(value), entry.time_ms, int(entry.values["step"]))
        for entry in entries
        for name, value in entry.values["metrics"].items()
    ]
    for start in range(0, len(metrics), MAX_METRICS_PER_CALL):
        client.log_batch(run_id, metrics=metrics[start : start + MAX_METRICS_PER_CALL])


def _write_dataset(client: MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    values = entries[0].values
    scheme = urlsplit(values["source"]).scheme or "local"
    dataset = Dataset(values["name"], values["digest"], scheme, json.dumps({"uri": values["source"]}))
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", values["name"])])])


def _write_tags(client: MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in entries[0].values.items()])


def _write_artifact(client: MlflowClient, run_id: str, path: Path) -> None:
    if path.is_dir():
        client.log_artifacts(run_id, str(path), path.name)
    else:
        client.log_artifact(run_id, str(path))


_WRITERS = {"params": _write_params, "metrics": _write_metrics, "dataset": _write_dataset, "tags": _write_tags}


def search(client: MlflowClient, query: str) -> Iterator[Run]:
    """The runs of every experiment that fit `query`, the latest first, deleted ones included."""
    from mlflow.entities import ViewType

    def ask(token: str | None) -> PagedList[Experiment]:
        return client.search_experiments(view_type=ViewType.ALL, page_token=token)

    experiments: Iterator[Experiment] = _pages(ask)
    ids = [found.experiment_id for found in experiments]
    yield from _pages(lambda token: client.search_runs(ids, query, ViewType.ALL, page_token=token))


def _pages(ask: Callable[[str | None], PagedList[T]]) -> Iterator[T]:
    """Everything that is found, page after page: MLflow gives 1,000 at a time."""
    token = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return


def count_evaluations(uri: str, test_fingerprint: str) -> int:
    """How many `evaluate` runs the store at `uri` has seen on this test set, deleted ones included."""
    query = f"tags.`scanml.test_fingerprint` = '{test_fingerprint}' and tags.`scanml.step` = 'evaluate'"
    with reaching(uri):
        return sum(1 for _ in search(connect(uri, must_exist=True), query))


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
