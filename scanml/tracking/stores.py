"""The place behind a tracking URI: where a local one lies, one process at a time, and errors that name it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from scanml.errors import ArtifactError, ScanmlError


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
    """Turn what fails while MLflow is asked into an `ArtifactError` that names the store, passwords left out."""
    try:
        yield
    except ScanmlError:
        raise
    except Exception as error:  # MLflow lets through errors of SQLAlchemy, requests and every cloud's SDK
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
        message = (
            f"MLflow store {uri}: {reason}. Check that the URI is right, the server runs and the place is writable."
        )
        raise ArtifactError(re.sub(r"//[^/@\s]*@", "//***@", message)) from error


@contextlib.contextmanager
def made_by_someone() -> Iterator[None]:
    """Let it pass that another process has just made the experiment or model that is made here."""
    try:
        yield
    except Exception as error:  # MLflow's own exception, told by its code: this file does not know MLflow
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise
