"""A pipeline value as a Kubeflow Pipelines v2 file, compiled by Kubeflow's own SDK. The only file that knows kfp.

Every node is one container: the settled experiment and the MLflow store come as parameters, what it reads as artifacts
that Kubeflow has fetched. Each writes its verdict as an output; what comes after a gate runs only where every gate said
yes. A retried node begins anew: Kubeflow keeps nothing of a pod that died.
"""

from __future__ import annotations

import contextlib
import inspect
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from scanml.errors import ConfigError
from scanml.structures.pipeline import Node, Pipeline
from scanml.wrappers.config import refuse_password
from scanml.wrappers.names import check_image, kubernetes_name

Channel = Any  # a value that will be there when the pipeline runs; kfp types none of its classes

_EXPERIMENT, _STORE = "experiment", "tracking_uri"  # parameters of the pipeline and of every node
_PRODUCT, _VERDICT = "product", "verdict"  # outputs of every node

# A refusal is a result: exit code 0 and "no". Only a crash fails the task and may be retried.
_SCRIPT = """\
experiment=$1 store=$2 product=$3 verdict=$4
shift 4
settled=$(mktemp -d)/experiment.json
printf %s "$experiment" > "$settled"
scanml "$@" --config "$settled" --track "$store" --out "$product" --refusal report
python -c '
import json, sys
passed = json.load(open(sys.argv[1], encoding="utf-8"))["verdict"]["passed"]
print("yes" if passed else "no", end="")
' "$product/report.json" > "$verdict"
"""


def kubeflow_yaml(
    pipeline: Pipeline, *, name: str, experiment: str, image: str, tracking_uri: str | None = None
) -> str:
    """The text of a file for `Client.create_run_from_pipeline_package` or the upload page.

    `experiment` is the settled experiment as JSON, `image` holds scanml. Each of the pipeline's inputs becomes a
    parameter: the URI of a folder on a store that Kubeflow reads (s3, gs, minio). Without `tracking_uri` each run must
    name an MLflow store. The same arguments give the same text.

    Raises:
        ConfigError: kfp is not installed, `image` cannot be one, or `tracking_uri` has a password in it.
    """
    check_image(image)
    refuse_password("track", tracking_uri)
    try:
        from google.protobuf import json_format
        from kfp.compiler import Compiler
        from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec
    except ImportError as error:
        raise ConfigError(f"kubeflow files are compiled by kfp ({error}): pip install 'scanml[kubeflow]'.") from error
    flow = _flow(pipeline, name=name, experiment=experiment, image=image, tracking_uri=tracking_uri)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        Compiler().compile(flow, str(path))
        text = path.read_text(encoding="utf-8")
    json_format.ParseDict(yaml.safe_load(text), PipelineSpec())  # refuses every field that Kubeflow does not know
    return text


def _flow(pipeline: Pipeline, *, name: str, experiment: str, image: str, tracking_uri: str | None) -> Channel:
    from kfp import dsl

    defaults = {_EXPERIMENT: experiment, **({_STORE: tracking_uri} if tracking_uri else {})}
    parameters = dict.fromkeys((*pipeline.inputs, _EXPERIMENT, _STORE), str)
    judged = _after_gates(pipeline)

    def flow(*given: Channel) -> None:
        tasks = _Tasks(pipeline.inputs, dict(zip(parameters, given, strict=True)), image=image)
        for node in (node for node in pipeline.nodes if node.name not in judged):
            tasks.add(node)
        with contextlib.ExitStack() as conditions:
            for gate, verdict in tasks.verdicts.items():
                conditions.enter_context(dsl.If(verdict == "yes", name=f"{gate} says yes"))
            for node in (node for node in pipeline.nodes if node.name in judged):
                tasks.add(node)

    _sign(flow, parameters, defaults)
    return dsl.pipeline(name=kubernetes_name(name, max_length=63))(flow)


class _Tasks:
    """The tasks made so far: `products` by node, `verdicts` by gate."""

    def __init__(self, inputs: tuple[str, ...], values: Mapping[str, Channel], *, image: str) -> None:
        self._inputs, self._image = inputs, image
        self._shared = {name: values[name] for name in (_EXPERIMENT, _STORE)}
        self.products = {name: _import(values[name], name) for name in inputs}
        self.verdicts: dict[str, Channel] = {}

    def add(self, node: Node) -> None:
        read = {name: self.products[source] for name, source in node.inputs.items()}
        task = _component(node, self._image)(**self._shared, **read)
        if not set(self._inputs).isdisjoint(node.inputs.values()):
            task.set_caching_options(False)  # Kubeflow compares URIs: it would not see what changed behind one
        self.products[node.name] = task.outputs[_PRODUCT]
        if node.step == "gate":
            self.verdicts[node.name] = task.outputs[_VERDICT]


def _after_gates(pipeline: Pipeline) -> set[str]:
    """The nodes that build, directly or not, on what a gate has said."""
    gates = {node.name for node in pipeline.nodes if node.step == "gate"}
    after: set[str] = set()
    for node in pipeline.nodes:
        if set(node.inputs.values()) & (gates | after):
            after.add(node.name)
    return after


def _import(uri: Channel, name: str) -> Channel:
    from kfp import dsl

    return dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact, reimport=True).set_display_name(name).output


def _component(node: Node, image: str) -> Channel:
    """One step in one container."""
    from kfp import dsl

    values: dict[str, object] = {_EXPERIMENT: str, _STORE: str}
    values |= dict.fromkeys(node.inputs, dsl.Input[dsl.Artifact])
    values |= {_PRODUCT: dsl.Output[dsl.Artifact], _VERDICT: dsl.OutputPath(str)}

    def build(*given: Channel) -> Channel:
        places = dict(zip(values, given, strict=True))
        words = [node.step, *(["--task", node.task] if node.task else [])]
        words += [word for name in node.inputs for word in ("--in", f"{name}={places[name].path}")]
        settled = [places[_EXPERIMENT], places[_STORE], places[_PRODUCT].path, places[_VERDICT]]
        return dsl.ContainerSpec(image=image, command=["sh", "-ec", _SCRIPT, "scanml"], args=[*settled, *words])

    _sign(build, values, {})
    build.__name__ = node.name
    return dsl.container_component(build)


def _sign(function: Callable[..., Channel], types: Mapping[str, object], defaults: Mapping[str, str]) -> None:
    """Give `function` the named and annotated parameters from which kfp reads an interface."""
    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=defaults.get(name, inspect.Parameter.empty)
        )
        for name, kind in types.items()
    ]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
