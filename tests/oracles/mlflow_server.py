"""MLflow's own server in a thread of the test, in front of it a door that can be shut in every way a network knows."""

import os
import threading
from pathlib import Path

from werkzeug.serving import make_server

from scanml.tracking.mlflow_store import connect


class UnreliableServer:
    """A real MLflow server whose `mode` says what becomes of a request.

    `pass`: it is answered. `error`: 500. `hang`: no answer until the mode changes. `lose(n)`: of the n-th request from
    now on the answer is lost, though it is done. `stop` and `start` shut the port and open it again.
    """

    def __init__(self, folder: Path) -> None:
        os.environ.update(
            _MLFLOW_SERVER_FILE_STORE=f"sqlite:///{folder / 'server.db'}",
            _MLFLOW_SERVER_ARTIFACT_ROOT="mlflow-artifacts:/",
            _MLFLOW_SERVER_ARTIFACT_DESTINATION=str(folder / "artifacts"),
            _MLFLOW_SERVER_SERVE_ARTIFACTS="true",
        )
        from mlflow.server import app

        self.mode, self._until_lost = "pass", 0
        self._server = None
        self._app, self._port = app, 0
        self._changed = threading.Condition()
        self.start()
        client = connect(self.uri)  # builds its database: two requests at once would trip over each other
        client.search_experiments()
        client.search_registered_models()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def set(self, mode: str) -> None:
        with self._changed:
            self.mode = mode
            self._changed.notify_all()

    def lose(self, number: int) -> bool:
        """Lose an answer; returns whether the one asked for before was lost."""
        before, self._until_lost = self._until_lost, number
        return before <= 0

    def start(self) -> None:
        if self._server is not None:
            return
        self._server = make_server("127.0.0.1", self._port, self._answer, threaded=True)
        self._server.daemon_threads = True
        self._port = self._server.port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def _answer(self, environ, start_response):
        with self._changed:
            self._changed.wait_for(lambda: self.mode != "hang", timeout=60)
            self._until_lost -= 1
            lost = self._until_lost == 0
        if self.mode == "pass" and not lost:
            return self._app(environ, start_response)
        if lost:
            list(self._app(environ, lambda *_: lambda _: None))
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"the database is on fire"]
