"""The place behind a tracking URI: where a local one lies, one process at a time, and errors that name it."""

from __future__ import annotations

import contextlib
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from scanml.errors import ArtifactError, ScanmlError

_SHOWN_LETTERS = 300  # of what MLflow says: some of its errors are pages


class StoreError(ArtifactError):
    """A store does not do what it was asked."""

    @property
    def is_final(self) -> bool:
        """Whether it will always say so: the run was deleted there, or is asked for something that cannot be."""
        codes = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")
        ours = isinstance(self.__cause__, KeyError | TypeError | FileNotFoundError)  # not what a connection raises
        return ours or getattr(self.__cause__, "error_code", None) in codes


def local_store(out: Path) -> str:
    """The URI of the SQLite store in folder `out`; its artifacts will lie beside it in `mlartifacts/`.

    >>> local_store(Path("/tmp/run"))
    'sqlite:////tmp/run/mlflow.db'
    """
    return f"sqlite:///{out.resolve() / 'mlflow.db'}"


def database_file(uri: str) -> Path | None:
    """The file of an SQLite store; None for a server, another database or one in memory."""
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(path).resolve() if path and path != ":memory:" and uri.startswith("sqlite:///") else None


def is_local(uri: str) -> bool:
    """Whether the store is a file or folder of this machine: no network on which it could hang.

    >>> is_local("sqlite:///mlflow.db"), is_local("http://127.0.0.1:5000")
    (True, False)
    """
    return urlsplit(uri).scheme in ("sqlite", "file", "")


def without_password(text: str) -> str:
    """The text with the name and password of every URI in it hidden, also one with an @ in it.

    >>> without_password("http://me:secret@host/x")
    'http://***@host/x'
    """
    return re.sub(r"//[^/\s]*@", "//***@", text)


def with_password(hidden: str) -> str:
    """The URI that `without_password` made `hidden` of; a password is never on the disk, but may be in the environment.

    Raises:
        ArtifactError: it is not there.
    """
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    if without_password(named) == hidden:
        return named
    if "//***@" in hidden:
        raise ArtifactError(f"the store {hidden}: its password is not kept; name it with --track URI.")
    return hidden


def refuse_missing(uri: str) -> None:
    """For those who only read: MLflow would build an SQLite store that is not there.

    Raises:
        StoreError: it is not there.
    """
    database = database_file(uri)
    if database is not None and not database.exists():
        raise StoreError(f"MLflow store {without_password(uri)}: there is no such file; check the URI.")


@contextlib.contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Let one process at a time open an SQLite store: two that build its tables at once break each other."""
    database = database_file(uri)
    if database is None:
        yield
        return
    import fcntl

    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f".{database.name}.lock").open("w") as lock:  # closing it lets the next one in
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def new_database(uri: str) -> Iterator[str | None]:
    """Where a missing SQLite store may be built: a URI that becomes `uri` at the end; None where it is there."""
    database = database_file(uri)
    if database is None or database.exists():
        yield None
        return
    fresh = database.with_name(f".{database.name}.new")
    fresh.unlink(missing_ok=True)
    yield f"sqlite:///{fresh}"
    fresh.replace(database)


@contextlib.contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turn what fails while MLflow is asked into a `StoreError` that names the store, passwords left out."""
    try:
        yield
    except ScanmlError:
        raise
    except Exception as error:  # MLflow lets through errors of SQLAlchemy, requests and every cloud's SDK
        remedy = "Check that the URI is right, the server runs and the place is writable."
        if getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":  # it answered
            remedy = "Check the name, the number and which store it is."
        message = f"MLflow store {uri}: {_reason(error)} {remedy}"
        raise StoreError(without_password(message)) from error


def _reason(error: BaseException) -> str:
    """What the system said of a connection or file (`Connection refused.`), else the first line of the error."""
    deepest = error
    while (below := deepest.__cause__ or deepest.__context__) is not None:
        deepest = below
    if isinstance(deepest, TimeoutError):
        return "no answer in time."
    if isinstance(deepest, OSError) and deepest.strerror:
        return f"{deepest.strerror}."
    told = deepest if str(error).startswith("API request to") else error  # MLflow wraps what a connection does
    line = (str(told).strip() or type(told).__name__).splitlines()[0].rstrip(".")
    return f"{line}." if len(line) <= _SHOWN_LETTERS else textwrap.shorten(line, _SHOWN_LETTERS, placeholder=" …")


@contextlib.contextmanager
def made_by_someone() -> Iterator[None]:
    """Let it pass that another process has just made the experiment or model that is made here."""
    try:
        yield
    except Exception as error:  # MLflow's own exception, told by its code: this file does not know MLflow
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise
