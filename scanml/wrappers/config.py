"""What a wrapped pipeline is told about the cluster, and where a pod finds its folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from scanml.config import check_fields
from scanml.errors import ConfigError
from scanml.wrappers.names import check_image

_CLAIM = "pvc://"  # as KServe writes a folder on a volume: pvc://CLAIM/PATH
_SHORTHANDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


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
        if self.schedule not in _SHORTHANDS and not re.fullmatch(r"[\w*,/?-]+( [\w*,/?-]+){4}", self.schedule):
            raise ConfigError(f"--schedule: expected five fields such as '0 3 * * *', received {self.schedule!r}.")
        data, output = place("data", self.data), place("output", self.output)
        if data.claim == output.claim and PurePosixPath(output.path).is_relative_to(data.path):
            raise ConfigError(f"--output {self.output} lies inside --data {self.data}, which would change.")
        if output.claim is None:
            raise ConfigError(f"--output: `scanml run` writes to a volume, pvc://CLAIM/PATH, received {self.output!r}.")


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
