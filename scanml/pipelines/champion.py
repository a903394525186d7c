"""What a run settles with its MLflow store: the run of its steps, and the champion to be measured against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scanml.errors import ArtifactError
from scanml.pipelines.state import RunState, read_state, write_state
from scanml.steps.experiment import Experiment
from scanml.tracking import MlflowTracker, ModelRegistry, local_store
from scanml.tracking.journal import UNSENT, is_key
from scanml.tracking.stores import StoreError, with_password, without_password


def settle(experiment: Experiment, out: Path, *, tracking_uri: str | None) -> RunState:
    """Open the MLflow run and look up the champion, once per `out`; a store that is away is asked again later.

    Raises:
        ArtifactError: `out` cannot be written, or the password of its store is not known any more.
    """
    state = read_state(out)
    if state is not None and tracking_uri is None:
        return replace(state, tracking_uri=with_password(state.tracking_uri))
    if state is not None and without_password(str(tracking_uri)) == without_password(state.tracking_uri):
        return replace(state, tracking_uri=str(tracking_uri))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(f"{out}: cannot be written ({error.strerror}); choose another --out.") from error
    place = tracking_uri or local_store(out)
    tags = {"scanml.step": "run"}
    tracker = MlflowTracker.start(place, experiment=experiment.name, run_name="run", tags=tags, unsent=out / UNSENT)
    tracker.log_params({"experiment": experiment})
    run_id = tracker.run_id
    tracker.close("RUNNING")
    state = RunState(tracking_uri=place, parent_run_id=run_id, champion_known=experiment.smoke)
    write_state(out, state)
    return state if is_key(run_id) else know_champion(experiment, state, out)


def know_champion(experiment: Experiment, state: RunState, out: Path) -> RunState:
    """The state with the champion looked up and its bundle in `out`/champion.

    Raises:
        ArtifactError: the store does not answer.
    """
    if state.champion_known:
        return state
    try:
        version = ModelRegistry(state.tracking_uri).champion(experiment.name)
        champion = None if version is None else fetch_champion(state.tracking_uri, experiment.name, version, out=out)
    except StoreError as error:
        raise ArtifactError(
            f"{error} Without it nobody knows the champion that the model is judged against. What is done is kept: "
            "give the same command again."
        ) from error
    tasks = [task for task in experiment.tasks if champion and task in _judged_tasks(champion)]
    state = replace(
        state, champion_known=True, champion_version=version if tasks else None, champion_tasks=tuple(tasks)
    )
    write_state(out, state)
    return state


def fetch_champion(tracking_uri: str, name: str, version: int, *, out: Path) -> Path:
    """The champion's bundle in `out`/champion, fetched once."""
    folder = out / "champion"
    if not folder.exists():
        ModelRegistry(tracking_uri).download(name, version, out=folder)
    return folder


def _judged_tasks(bundle: Path) -> tuple[str, ...]:
    from scanml.export import open_bundle

    return tuple(open_bundle(bundle).manifest.verdicts)
