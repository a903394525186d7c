"""What only a fresh process shows: no MLflow at import, no connection but to the store, a clean terminal."""

import os
import subprocess
import sys

NO_NETWORK = """
import socket, sys
def refuse(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        sys.exit(f"connection to {address}")
    return real(self, address, *rest)
real, socket.socket.connect = socket.socket.connect, refuse
def lookup(host, *rest, **more):
    raise SystemExit(f"look-up of {host}")
socket.getaddrinfo = lookup
"""
WHOLE_RUN = """
from pathlib import Path
from scanml.tracking import MlflowTracker, ModelRegistry, local_store, recording
store, out = local_store(Path("out")), Path("bundle")
out.mkdir()
(out / "manifest.json").write_text("{}")
with recording(MlflowTracker.start(store, experiment="x", run_name="y", unsent=Path("out/unsent"))) as tracker:
    tracker.log_params({"a": 1})
    tracker.log_metrics({"loss": 1.0}, step=1)
    tracker.log_artifact(out / "manifest.json")
registry = ModelRegistry(store)
registry.register(out, name="scan", experiment="x")
registry.download("scan", registry.promote("scan"), out=Path("back"))
from mlflow.telemetry.client import get_telemetry_client
import time; time.sleep(1)  # usage reports would leave from a thread
sys.exit("usage reports are on" if get_telemetry_client() is not None else 0)
"""


def run_python(code, tmp_path):
    # MLflow holds its usage reports back in tests and CI by itself; here nothing but our default may do so.
    hidden = ("PYTEST", "CI", "GITHUB", "JENKINS", "TRAVIS", "CIRCLE", "GITLAB", "MLFLOW", "DO_NOT_TRACK")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)


def test_importing_costs_no_mlflow(tmp_path):
    names = "t.NullTracker, t.MlflowTracker, t.ModelRegistry, t.count_evaluations"
    code = f"import sys, scanml.tracking as t; {names}; sys.exit('mlflow' in sys.modules)"
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_no_foreign_connection_and_a_clean_terminal(tmp_path):
    done = run_python(NO_NETWORK + WHOLE_RUN, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "bundle", "out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".mlflow.db.lock", "mlartifacts", "mlflow.db"]
