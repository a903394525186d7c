"""Local copies of what lies on object stores: inputs while and after they are read, outputs while they are made.

SCRATCH/inputs/NAME/{lock,listing.json,content}      one version, kept for the next step that reads it
SCRATCH/outputs/NAME/{out,out.partial}               removed when the step has finished
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from scanml.errors import ArtifactError
from scanml.steps.output import writing
from scanml.steps.report import REPORT, is_finished, read_verified
from scanml.steps.store import Store, Stored

VARIABLE = "SCANML_SCRATCH"
REMEDY = f"name another folder in {VARIABLE}"
_LISTING = "listing.json"


def scratch_folder(kind: str, uri: str) -> Path:
    """The folder for copies of `uri`, the same one each time; SCANML_SCRATCH, by default in the temporary folder.

    Raises:
        ArtifactError: it cannot be written, or belongs to somebody else.
    """
    named = os.environ.get(VARIABLE)
    root = Path(named) if named else Path(tempfile.gettempdir()) / f"scanml-{os.getuid()}"
    readable = re.sub(r"[^\w-]+", "-", uri.partition("://")[2])[-60:].strip("-")
    folder = root / kind / f"{readable}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
    with writing(root, remedy=REMEDY):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not named and root.stat().st_uid != os.getuid():  # anybody may make names in the temporary folder
            raise ArtifactError(f"{root}: belongs to another user; name a folder of yours in {VARIABLE}.")
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def fetched(uri: str) -> Iterator[Path]:
    """A local copy of what lies at `uri` now, which stays as it is meanwhile; one made before is used again.

    Raises:
        ArtifactError: nothing is there, it is unfinished, or it is not what its report says.
    """
    store = Store(uri)
    listing = store.listing()
    if not listing:
        raise ArtifactError(f"{uri}: there is nothing; check the URI.")
    if REPORT not in listing and Store(f"{store.uri}.partial").listing():
        raise ArtifactError(f"{uri}: the step that writes it has not finished; run it again.")
    folder = scratch_folder("inputs", store.uri)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        while not _holds(folder, store.uri, listing):
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits until nobody reads another version or fetches this one
            if not _holds(folder, store.uri, listing):
                _fetch(store, listing, folder)
            fcntl.flock(lock, fcntl.LOCK_SH)  # not in one move: somebody may have come in between
        yield _content(folder, store.uri)


def _fetch(store: Store, listing: Mapping[str, Stored], folder: Path) -> None:
    content = _content(folder, store.uri)
    with writing(folder, remedy=REMEDY):
        (folder / _LISTING).unlink(missing_ok=True)
        shutil.rmtree(content.parent, ignore_errors=True)
        content.parent.mkdir()
        store.download(listing, content)
        if is_finished(content):
            read_verified(content)
        (folder / _LISTING).write_text(_as_json(listing))


def _content(folder: Path, uri: str) -> Path:
    """The copy has the URI's last word, and so a single file its ending."""
    return folder / "content" / uri.rpartition("/")[2]


def _holds(folder: Path, uri: str, listing: Mapping[str, Stored]) -> bool:
    """Whether this very listing was fetched, and nobody has tidied the temporary folder since."""
    path, content = folder / _LISTING, _content(folder, uri)
    if not path.exists() or path.read_text() != _as_json(listing):
        return False
    files = ((content / name, stored.size) for name, stored in listing.items())
    return all(file.is_file() and file.stat().st_size == size for file, size in files)


def _as_json(listing: Mapping[str, Stored]) -> str:
    return json.dumps({name: asdict(stored) for name, stored in listing.items()})
