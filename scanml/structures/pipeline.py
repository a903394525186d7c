"""A pipeline as a value: named steps and where their inputs come from. `pipelines.run` executes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from scanml.errors import ConfigError
from scanml.structures.display import html_table


@dataclass(frozen=True)
class Node:
    """One step of a pipeline. `inputs` maps the step's input names to a node's or a pipeline input's name."""

    name: str
    step: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))


@dataclass(frozen=True)
class Pipeline:
    """Nodes in an order in which they can run; every input is a pipeline input or an earlier node's output.

    >>> Pipeline(("data",), (Node("validate", "validate", {"data": "data"}),)).nodes[0].step
    'validate'
    """

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        known = set(self.inputs)
        for node in self.nodes:
            missing = [source for source in node.inputs.values() if source not in known]
            if missing:
                raise ConfigError(f"pipeline: {node.name} needs {', '.join(missing)}, which nothing before it makes.")
            if node.name in known:
                raise ConfigError(f"pipeline: the name {node.name!r} is used twice.")
            known.add(node.name)

    def _repr_html_(self) -> str:
        rows = [
            (node.name, node.step, ", ".join(f"{name} ← {source}" for name, source in node.inputs.items()))
            for node in self.nodes
        ]
        return html_table(["node", "step", "inputs"], rows)
