import pytest

from scanml.tracking import local_store


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One SQLite store for all tests (making it takes a second or two), in a folder whose name needs quoting."""
    return local_store(tmp_path_factory.mktemp("a store, 100% #1"))
