"""Local copies of what lies on object stores: inputs while and after they are read, outputs while they are made.

SCRATCH/inputs/NAME/{lock,listing.json,content}      one version, kept for the next steps that read it
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
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from scanml.errors import ArtifactError
from scanml.steps.output import lock_file, writing
from scanml.steps.report import REPORT, is_finished, read_verified
from scanml.steps.store import Store, Stored

VARIABLE = "SCANML_SCRATCH"
REMEDY = f"name another folder in {VARIABLE}"
KEEP_DAYS = 14  # what a weekly job reads is found again, also when it was skipped once
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
        if not named:
            _refuse_foreign(root)
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
    with lock_file(folder, fcntl.LOCK_SH) as lock:
        os.utime(lock.fileno())
        while not _holds(folder, store.uri, listing):
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits until nobody reads another version or fetches this one
            if not _holds(folder, store.uri, listing):
                _remove_unused(folder.parent)
                _fetch(store, listing, folder)
            fcntl.flock(lock, fcntl.LOCK_SH)  # not in one move: somebody may have come in between
        yield _content(folder, store.uri)


def _refuse_foreign(root: Path) -> None:
    """Anybody may make names in the temporary folder, also links to places of ours."""
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ArtifactError(f"{root}: expected a folder, found a link or file; name a folder of yours in {VARIABLE}.")
    if status.st_uid != os.getuid():
        raise ArtifactError(f"{root}: belongs to another user; name a folder of yours in {VARIABLE}.")


def _remove_unused(copies: Path) -> None:
    """Remove the copies that no step has begun to read for `KEEP_DAYS`, before another one takes room."""
    oldest = time.time() - KEEP_DAYS * 24 * 3600
    for folder in copies.iterdir():
        with contextlib.suppress(OSError):  # in use, or somebody else has just removed it
            if (folder / "lock").stat().st_mtime < oldest:
                with lock_file(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(folder)


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
