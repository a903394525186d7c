"""The registry: which bundle is `challenger`, which is `champion`, and which was champion before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from scanml.errors import ArtifactError
from scanml.files import files_below, fingerprint_files
from scanml.tracking.environment import describe_environment
from scanml.tracking.journal import Entry, is_key, now_ms
from scanml.tracking.limits import fit_key, fit_tags
from scanml.tracking.mlflow_store import KEY_TAG, connect, write_entries, write_model_file
from scanml.tracking.stores import made_by_someone, reaching, without_password

BUNDLE_TAG = "scanml.bundle_fingerprint"
PREVIOUS_TAG = "scanml.previous_champions"  # on the registered model: JSON list of versions, the latest last

# The bundle's signature `serving_default`: N images in, D places and T triggers each out.
INPUTS = {"image_bytes": ("bytes", (-1,))}
OUTPUTS = {
    "boxes": ("float32", (-1, -1, 4)),
    "scores": ("float32", (-1, -1)),
    "labels": ("int32", (-1, -1)),
    "num_detections": ("int32", (-1,)),
    "trigger_probabilities": ("float32", (-1, -1)),
}


class RegisteredModel(Protocol):
    """What is read of MLflow's entity of this name."""

    aliases: Mapping[str, str]
    tags: Mapping[str, str]


class ModelRegistry:
    """The models registered in the MLflow store at `uri`; versions are numbers from 1.

    An SQLite store that is not there is built, unless it `must_exist`.

    Raises:
        ArtifactError: the store cannot be reached, or what is asked for is not there.
    """

    def __init__(self, uri: str, *, must_exist: bool = False) -> None:
        self._uri = uri
        self._client = connect(uri, must_exist=must_exist)

    def register(
        self,
        bundle: Path,
        *,
        name: str,
        experiment: str,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> int:
        """Store the folder `bundle` as a version of `name`, make it `challenger`, return the version.

        The same bytes registered before are found again instead. The files become artifacts of the run `run_id`, or
        (none is given, or the store does not have it yet) of a new run in `experiment` that also keeps `metrics`; on
        the version metrics and `tags` are tags.
        """
        fingerprint = fingerprint_folder(bundle)
        all_tags = dict(tags or {}) | {f"metric.{key}": f"{value:.6g}" for key, value in (metrics or {}).items()}
        all_tags[BUNDLE_TAG] = fingerprint
        version = self._find(name, fingerprint)
        if version is None:
            if run_id is not None and is_key(run_id):
                all_tags[KEY_TAG] = run_id  # by which `lineage` finds it later
            if run_id is None or is_key(run_id):
                run_id = self._write_run(f"{name}-{fingerprint}", f"register {name}", experiment, metrics or {})
            version = self._store(bundle, name=name, run_id=run_id, tags=all_tags)
        with reaching(self._uri):
            self._client.set_registered_model_alias(name, "challenger", str(version))
        return version

    def promote(self, name: str, *, version: int | None = None) -> int:
        """Make `version` (default: the challenger) champion, remember the champion before, return the version."""
        version, before = version or self.challenger(name), self.champion(name)
        if version is None:
            raise ArtifactError(f"{name} has no challenger in {without_password(self._uri)}; register a bundle first.")
        if before == version:
            return version
        # Remembered first: killed in between, the list ends with the champion itself, which `rollback` skips.
        if before is not None:
            self._remember(name, [*self._previous(name), before])
        self._set_champion(name, version)
        return version

    def rollback(self, name: str) -> int:
        """Make the champion before the present one champion again, return its version."""
        champion, previous = self.champion(name), self._previous(name)
        while previous and previous[-1] == champion:
            previous.pop()
        if not previous:
            raise ArtifactError(
                f"{name} has no champion before {champion or 'this'} in {without_password(self._uri)}; "
                "nothing was changed."
            )
        self._set_champion(name, previous[-1])
        self._remember(name, previous[:-1])
        return previous[-1]

    def champion(self, name: str) -> int | None:
        """The version that serves; None when there is none, or no model called `name`."""
        return self._alias(name, "champion")

    def challenger(self, name: str) -> int | None:
        """The version registered last; None when there is no model called `name`."""
        return self._alias(name, "challenger")

    def download(self, name: str, version: int, *, out: Path) -> Path:
        """Copy the bundle of `version` to the folder `out`, which must not exist; whole or not at all."""
        if out.exists():
            raise ArtifactError(f"{out} exists; name a folder that does not, or remove it.")
        with reaching(self._uri):
            found = self._client.get_model_version(name, str(version))
            fingerprint = found.tags.get(BUNDLE_TAG)
        if fingerprint is None:
            raise ArtifactError(f"{name} version {version} was not registered by scanml; register its bundle again.")
        with reaching(self._uri):
            out.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as place:
                path = self._client.download_artifacts(found.run_id, f"model/{fingerprint}/bundle", place)
                _check_downloaded(Path(path), fingerprint)
                Path(path).rename(out)
        return out

    def _write_run(self, key: str, run_name: str, experiment: str, metrics: Mapping[str, float]) -> str:
        tags = fit_tags(describe_environment())
        begin = {"key": key, "experiment": experiment, "run_name": run_name, "parent": None, "tags": tags}
        numbers = {"step": 0, "metrics": {fit_key(metric): value for metric, value in metrics.items()}}
        run_id = None
        with reaching(self._uri):
            for kind, values in (("begin", begin), ("metrics", numbers), ("end", {"status": "FINISHED"})):
                run_id = write_entries(self._client, run_id, [Entry(kind, values, now_ms())])
        return str(run_id)

    def _store(self, bundle: Path, *, name: str, run_id: str, tags: Mapping[str, str]) -> int:
        place = f"model/{tags[BUNDLE_TAG]}"
        with reaching(self._uri), tempfile.TemporaryDirectory() as folder:
            write_model_file(Path(folder), inputs=INPUTS, outputs=OUTPUTS)
            self._client.log_artifacts(run_id, folder, place)
            self._client.log_artifacts(run_id, str(bundle), f"{place}/bundle")
            with made_by_someone():
                self._client.create_registered_model(name)
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{place}"
            made = self._client.create_model_version(name, source, run_id, tags=fit_tags(tags))
        return int(made.version)

    def _find(self, name: str, fingerprint: str) -> int | None:
        query = f"name = '{name}' and tags.`{BUNDLE_TAG}` = '{fingerprint}'"
        with reaching(self._uri):
            return max((int(found.version) for found in self._client.search_model_versions(query)), default=None)

    def _model(self, name: str) -> RegisteredModel | None:
        with reaching(self._uri):
            return next(iter(self._client.search_registered_models(f"name = '{name}'")), None)

    def _alias(self, name: str, alias: str) -> int | None:
        model = self._model(name)
        return int(model.aliases[alias]) if model and alias in model.aliases else None

    def _previous(self, name: str) -> list[int]:
        model = self._model(name)
        return [int(version) for version in json.loads(model.tags.get(PREVIOUS_TAG, "[]"))] if model else []

    def _remember(self, name: str, versions: list[int]) -> None:
        with reaching(self._uri):
            self._client.set_registered_model_tag(name, PREVIOUS_TAG, json.dumps(versions))

    def _set_champion(self, name: str, version: int) -> None:
        with reaching(self._uri):
            self._client.set_registered_model_alias(name, "champion", str(version))


def fingerprint_folder(folder: Path) -> str:
    """`fingerprint_files` of a folder that has some.

    Raises:
        ArtifactError: no such folder, or no file in it.
    """
    if not files_below(folder):
        raise ArtifactError(f"{folder}: expected a folder with a bundle, found no file; export one first.")
    return fingerprint_files(folder)


def _check_downloaded(folder: Path, fingerprint: str) -> None:
    found = fingerprint_folder(folder)
    if found != fingerprint:
        raise ArtifactError(
            f"the stored bundle has changed since it was registered ({found}, not {fingerprint}); register it again."
        )
