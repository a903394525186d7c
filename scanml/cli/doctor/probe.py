"""Run in a process of its own, `python -m scanml.cli.doctor.probe NAME`: import one thing, use it, say what it is.

What is imported here may hang, crash or be missing; `imports` reads the one JSON line and judges.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from scanml.tracking.stores import database_file

_DATABASE_PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433}
_SECONDS = 5  # until a server that does not answer counts as absent

Facts = dict[str, Any]  # as it becomes JSON


def probe_tensorflow() -> Facts:
    """TensorFlow with Keras on it, its GPUs, and a convolution on each device: that is where a wrong cuDNN shows."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    tensorflow = importlib.import_module("tensorflow")
    keras = importlib.import_module("keras")
    gpus = []
    for gpu in tensorflow.config.list_physical_devices("GPU"):
        details = tensorflow.config.experimental.get_device_details(gpu)
        gpus.append({"name": details.get("device_name", gpu.name), "capability": details.get("compute_capability")})
    for device in ["CPU:0", *(f"GPU:{index}" for index in range(len(gpus)))]:
        with tensorflow.device(device):
            tensorflow.nn.conv2d(tensorflow.ones((1, 8, 8, 1)), tensorflow.ones((3, 3, 1, 1)), 1, "VALID").numpy()
    return {"version": f"{tensorflow.__version__} with keras {keras.__version__}", "gpus": gpus}


def probe_jax() -> Facts:
    """JAX, its devices, and a product on the first."""
    jax = importlib.import_module("jax")
    devices = jax.devices()
    ones = jax.numpy.ones((8, 8))
    (ones @ ones).block_until_ready()
    gpus = [{"name": device.device_kind, "capability": None} for device in devices if device.platform != "cpu"]
    return {"version": jax.__version__, "gpus": gpus}


def probe_cv2() -> Facts:
    """OpenCV, encoding and decoding one picture."""
    cv2, numpy = importlib.import_module("cv2"), importlib.import_module("numpy")
    encoded = cv2.imencode(".jpg", numpy.zeros((8, 8, 3), numpy.uint8))[1]
    cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return {"version": cv2.__version__, "gpus": []}


def probe_mlflow() -> Facts:
    """Does the server or database of MLFLOW_TRACKING_URI answer? Host and password are not repeated."""
    uri = urlsplit(os.environ["MLFLOW_TRACKING_URI"])
    scheme = uri.scheme.partition("+")[0]
    if scheme in ("http", "https"):
        return _ask_server(uri)
    if database := database_file(os.environ["MLFLOW_TRACKING_URI"]):
        there = database.parent.is_dir() and os.access(database.parent, os.W_OK)
        return {"answer": f"SQLite file {database}"} if there else {"failure": f"{database.parent} cannot be written"}
    if scheme in _DATABASE_PORTS and uri.hostname:
        try:
            with socket.create_connection((uri.hostname, uri.port or _DATABASE_PORTS[scheme]), timeout=_SECONDS):
                return {"answer": f"a {scheme} server answers"}
        except OSError as error:
            return {"failure": f"the {scheme} server does not answer ({_reason(error, uri)})"}
    return {"answer": f"a store of kind {scheme or 'folder'}, not looked into"}


def _ask_server(uri: SplitResult) -> Facts:
    host = uri.netloc.rpartition("@")[2]
    address = uri._replace(netloc=host, path=f"{uri.path.rstrip('/')}/health", query="", fragment="").geturl()
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:
            said = answer.read(100).strip()
    except urllib.error.HTTPError as error:
        return {"failure": f"the {uri.scheme} server answers {error.code}, an MLflow server would say OK"}
    except (OSError, ValueError) as error:
        return {"failure": f"the {uri.scheme} server does not answer ({_reason(error, uri)})"}
    if said != b"OK":
        return {"failure": f"the {uri.scheme} server answers, but is no MLflow server"}
    return {"answer": f"an MLflow server answers ({uri.scheme})"}


def _reason(error: Exception, uri: SplitResult) -> str:
    inner = getattr(error, "reason", error)  # urllib wraps it
    text = str(getattr(inner, "strerror", None) or inner)
    return text.replace(uri.hostname, "HOST") if uri.hostname else text


PROBES: dict[str, Callable[[], Facts]] = {
    "tensorflow": probe_tensorflow,
    "jax": probe_jax,
    "cv2": probe_cv2,
    "mlflow": probe_mlflow,
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]]()))
