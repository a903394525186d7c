"""What a wrapped pipeline is told about the cluster, and where a pod finds its folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from scanml.config import check_fields
from scanml.errors import ConfigError
from scanml.tracking.stores import without_password
from scanml.wrappers.names import check_image
from scanml.wrappers.schedule import check_schedule

_CLAIM = "pvc://"  # as KServe writes a folder on a volume: pvc://CLAIM/PATH


@dataclass(frozen=True, kw_only=True)
class CronJobConfig:
    """A job that repeats. `output` is pvc://CLAIM/PATH; `data` too, or a folder on an object store such as s3://B/PATH.

    `schedule` is in UTC, cron's five fields or a shorthand such as @daily. `tracking_uri` is the MLflow store that all
    runs share (default: a file in `output`): there each finds the champion of those before.
    """

    image: str
    schedule: str
    data: str
    output: str
    tracking_uri: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        check_image(self.image)
        check_schedule(self.schedule)
        for name, uri in (("track", self.tracking_uri), ("data", self.data), ("output", self.output)):
            refuse_password(name, uri)
        data, output = place("data", self.data), place("output", self.output)
        if data.claim == output.claim and PurePosixPath(output.path).is_relative_to(data.path):
            raise ConfigError(f"--output {self.output} lies inside --data {self.data}, which would change.")
        if output.claim is None:
            raise ConfigError(f"--output: `scanml run` writes to a volume, pvc://CLAIM/PATH, received {self.output!r}.")


def refuse_password(name: str, uri: str | None) -> None:
    """Credentials do not belong into a file that is applied, sent on and kept; `name` is the option of `uri`.

    Raises:
        ConfigError: the URI has a name or password in it.
    """
    if uri is not None and without_password(uri) != uri:
        raise ConfigError(
            f"--{name} {without_password(uri)}: expected a URI without credentials, they would be in the file for all "
            "to read. A pod has them from its Secret as environment variables: MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD for an MLflow server."
        )


@dataclass(frozen=True)
class Place:
    """A folder as a pod sees it: `path` below the volume of `claim`, or without a claim a URI."""

    claim: str | None
    path: str


def place(name: str, uri: str) -> Place:
    """What `uri` names; `name` is the option that it was given for.

    Raises:
        ConfigError: a folder of this machine, a name that no claim has, or a path that leaves its volume.
    """
    if not uri.startswith(_CLAIM):
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]\S*", uri) or uri.startswith("file:"):
            raise ConfigError(
                f"--{name}: expected pvc://CLAIM/PATH or a URI such as s3://BUCKET/PATH, received {uri!r}; "
                "a pod does not see this machine's folders."
            )
        return Place(None, uri.rstrip("/"))
    claim, _, path = uri.removeprefix(_CLAIM).partition("/")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", claim):
        raise ConfigError(f"--{name}: expected pvc://CLAIM/PATH with the claim's name, received {uri!r}.")
    if ".." in PurePosixPath(path).parts:
        raise ConfigError(f"--{name} {uri}: leads out of the volume; give a path without '..'.")
    return Place(claim, path.strip("/"))
