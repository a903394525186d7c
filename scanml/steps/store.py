"""A folder of objects at a URI, through fsspec alone: s3://, gs://, memory:// and whatever else has a plug-in."""

from __future__ import annotations

import contextlib
import errno
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from scanml.errors import ArtifactError, ConfigError, ScanmlError

MAX_READ_BYTES = 64 << 20  # of what is read into memory: reports; one with 100,000 findings has 20 MB
_SHOWN_LETTERS = 80  # of a path that is too long, or holds what no terminal should see
_NUM_TRANSFERS = 16  # at once: small files wait for answers, not for the wire
_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")  # as plug-ins name it
# An unreachable store is said so in about 15 s; without it an S3 client tries for 40.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 4, "retries": {"max_attempts": 2, "mode": "standard"}}}
}


@dataclass(frozen=True)
class Stored:
    """An object: how many bytes, and what tells its versions apart (never the same where the store does not say)."""

    size: int
    version: str


class Store:
    """The objects below `uri`, by their names relative to it.

    Raises:
        ConfigError: nothing installed speaks to such a URI.
        ArtifactError: it cannot be reached, access is refused, or there is no such bucket; from every method.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._files, self._root = _connect(self.uri)

    def listing(self) -> dict[str, Stored]:
        """All objects, sorted by name; a URI that is one object itself has the name ''.

        Raises:
            ArtifactError: also for names that are no paths below a folder.
        """
        with reaching(self.uri):
            self._files.invalidate_cache()
            found = self._files.find(self._root, detail=True)
        names = {key[len(self._root) :].removeprefix("/"): values for key, values in found.items()}
        listing = {
            name: Stored(int(values["size"]), _version(values))
            for name, values in sorted(names.items())
            if not name.endswith("/") or values["size"]  # S3 consoles mark folders so
        }
        _refuse_odd_names(self.uri, listing)
        return listing

    def read(self, name: str) -> bytes | None:
        """The bytes of an object, None if it is not there."""
        with reaching(f"{self.uri}/{name}"):
            try:
                data: bytes = self._files.cat_file(self._key(name), start=0, end=MAX_READ_BYTES + 1)
            except FileNotFoundError:
                return None
        if len(data) > MAX_READ_BYTES:
            raise ArtifactError(f"{self.uri}/{name}: has more than {MAX_READ_BYTES} bytes; this is not scanml's.")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Replace an object, whole or not at all."""
        with reaching(f"{self.uri}/{name}"):
            self._files.pipe_file(self._key(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object that must not be there; False if it is.

        Of several that try, one succeeds where the plug-in asks the store itself to refuse the others, as those of
        S3 and GCS do; fsspec's default looks first and writes then, and two may succeed.
        """
        with reaching(f"{self.uri}/{name}"):
            try:
                self._files.pipe_file(self._key(name), data, mode="create")
            except FileExistsError:
                return False
        return True

    def upload(self, paths: Mapping[str, Path]) -> None:
        """Replace the objects of these names by files."""
        sizes = {name: path.stat().st_size for name, path in paths.items()}

        def put(name: str) -> None:
            self._files.put_file(str(paths[name]), self._key(name))

        self._transfer(put, sizes, "upload to")

    def download(self, listing: Mapping[str, Stored], folder: Path) -> None:
        """Write the objects of `listing` below `folder`.

        Raises:
            ArtifactError: also where the disk is too small, or an object has another size than it had in the listing.
        """
        needed, free = sum(stored.size for stored in listing.values()), shutil.disk_usage(folder.parent).free
        if needed > free:
            raise ArtifactError(
                f"{self.uri}: holds {needed / 1e9:.2f} GB, {folder.parent} has {free / 1e9:.2f} GB free; name a folder "
                "on a larger disk in SCANML_SCRATCH."
            )

        def get(name: str) -> None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files.get_file(self._key(name), str(path))
            if path.stat().st_size != listing[name].size:
                raise ArtifactError(f"{self.uri}/{name}: has changed while it was read; give the command again.")

        self._transfer(get, {name: stored.size for name, stored in listing.items()}, "fetch")

    def delete(self, names: Iterable[str]) -> None:
        """Remove these objects; those already gone do not matter."""

        def remove(name: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(self._key(name))

        self._transfer(remove, dict.fromkeys(names, 0), "tidy up")

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _transfer(self, work: Callable[[str], None], sizes: Mapping[str, int], title: str) -> None:
        from tqdm import tqdm

        bar = tqdm(total=sum(sizes.values()), desc=f"{title} {self.uri}", unit="B", unit_scale=True, disable=None)
        with reaching(self.uri), bar, ThreadPoolExecutor(_NUM_TRANSFERS) as pool:
            for size, _ in zip(sizes.values(), pool.map(work, sizes), strict=True):
                bar.update(size)


@contextlib.contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turn what a plug-in raises into a `ScanmlError` that names `uri` and the way out."""
    try:
        yield
    except ScanmlError:
        raise
    except FileNotFoundError as error:
        raise ArtifactError(f"{uri}: there is no such bucket, folder or object ({error}); check the URI.") from error
    except PermissionError as error:
        raise ArtifactError(f"{uri}: access is refused ({error}); check the credentials and their rights.") from error
    except Exception as error:  # the clients below fsspec each have their own kinds, with no common ancestor
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        reason = f"{type(error).__name__}: {error}"[:300]
        if "credentials" in reason.lower():
            raise ArtifactError(f"{uri}: no credentials were found ({reason}); set those of the store.") from error
        raise ArtifactError(f"{uri}: cannot be reached ({reason}); check network, endpoint and credentials.") from error


def local_or_uri(place: str | Path) -> Path | str:
    """A local path, also for file://, as a `Path` with a name, also of `.`; any other URI as it is.

    >>> local_or_uri("s3://bucket/run/"), local_or_uri("file:///tmp/a%20b").name, local_or_uri("out").name
    ('s3://bucket/run', 'a b', 'out')

    Raises:
        ConfigError: a path that cannot be.
    """
    if "://" in str(place):
        parts = urlsplit(str(place))
        if parts.scheme not in ("file", "local"):
            return str(place).rstrip("/")
        place = unquote(parts.path)
    path = Path(place)
    refuse_impossible(path)
    return path.resolve() if path.name in ("", "..") else path


def refuse_impossible(path: Path) -> None:
    """A path that the system cannot even be asked for, whether or not there is something.

    Raises:
        ConfigError: it is too long, has a null byte or turns in a circle, or a folder above it may not be searched.
    """
    asked, missing = str(path), []
    try:
        while not _is_there(path):
            missing.append(path.name)
            path = path.parent
        for name in missing:  # alone: below a folder that is missing no name is too long
            _is_there(path / name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        shown = repr(asked) if len(asked) <= _SHOWN_LETTERS else f"{asked[:_SHOWN_LETTERS]!r}…"
        raise ConfigError(f"{shown}: no path that can be used ({reason}); name another.") from error


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _connect(uri: str) -> tuple[Any, str]:
    try:
        import fsspec

        protocol = uri.partition("://")[0]
        options = {} if fsspec.config.conf.get(protocol) else _OPTIONS.get(protocol, {})  # the user's own go first
        files, root = fsspec.core.url_to_fs(uri, **options)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"{uri}: nothing installed reads such a URI ({error}). For s3:// install scanml[s3]; other stores have "
            "their own fsspec plug-in."
        ) from error
    if "/" not in root.strip("/") or not {"", ".", ".."}.isdisjoint(root.strip("/").split("/")):
        raise ConfigError(f"{uri}: expected a bucket and a folder in it, for example s3://bucket/run/train.")
    return files, root.rstrip("/")


def _version(values: Mapping[str, Any]) -> str:
    return next((str(values[key]) for key in _VERSIONS if values.get(key)), "") or uuid.uuid4().hex


def _refuse_odd_names(uri: str, names: Iterable[str]) -> None:
    """Everything must have a place of its own below a local folder."""
    names = set(names) - {""}
    for name in names:
        if "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise ArtifactError(f"{uri}: the name {name!r} leads out of the folder or nowhere; remove this object.")
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    for name in sorted(names & folders):
        raise ArtifactError(f"{uri}: {name!r} is an object and a folder at once; remove one of them.")
