import os

import pytest
from oracles.mlflow_server import UnreliableServer

from scanml.tracking import local_store, sender


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One SQLite store for all tests (making it takes a second or two), in a folder whose name needs quoting."""
    return local_store(tmp_path_factory.mktemp("a store, 100% #1"))


@pytest.fixture(scope="session")
def session_server(tmp_path_factory):
    before = dict(os.environ)
    server = UnreliableServer(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def server(session_server):
    """A real MLflow server that answers, until a test says otherwise; nobody has spoken to it yet."""
    sender.sender_to.cache_clear()
    yield session_server
    session_server.set("pass")
    session_server.start()


@pytest.fixture
def patient(monkeypatch):
    """Wait for a busy machine: for tests of what arrives, not of how long it takes."""
    monkeypatch.setattr(sender, "PATIENCE_SECONDS", 60.0)
