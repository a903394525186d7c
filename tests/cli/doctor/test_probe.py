"""Is an MLflow server behind the URI? On loopback only."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scanml.cli.doctor import probe


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            code, text = {"/health": (200, b"OK"), "/other/health": (200, b"<html>")}.get(self.path, (404, b""))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def ask(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return probe.probe_mlflow()


@pytest.mark.parametrize(
    ("uri", "key", "words"),
    [
        ("http://{}", "answer", "an MLflow server answers"),
        ("http://me:secret@{}/", "answer", "an MLflow server answers"),
        ("http://{}/other", "failure", "is no MLflow server"),
        ("http://{}/third", "failure", "answers 404"),
        ("postgresql+psycopg2://me:secret@{}/runs", "answer", "a postgresql server answers"),
    ],
)
def test_who_answers_is_told_without_host_and_password(server, monkeypatch, uri, key, words):
    said = ask(monkeypatch, uri.format(server))
    assert words in said[key]
    assert "secret" not in said[key] and "127.0.0.1" not in said[key]


def test_a_server_that_accepts_and_says_nothing_does_not_hold_us_up(monkeypatch):
    monkeypatch.setattr(probe, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = ask(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "does not answer (timed out)" in said["failure"]


def test_a_database_that_is_not_there(monkeypatch):
    assert "does not answer" in ask(monkeypatch, "mysql://me:secret@127.0.0.1:9/runs")["failure"]


def test_local_stores(monkeypatch, tmp_path):
    assert "SQLite file" in ask(monkeypatch, f"sqlite:///{tmp_path}/mlflow.db")["answer"]
    assert "cannot be written" in ask(monkeypatch, f"sqlite:///{tmp_path}/nowhere/mlflow.db")["failure"]
    assert "of kind folder" in ask(monkeypatch, str(tmp_path))["answer"]
