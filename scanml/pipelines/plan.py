"""An experiment as a pipeline: which steps, in which order, and what each reads."""

from __future__ import annotations

from collections.abc import Collection

from scanml.steps.experiment import Experiment
from scanml.structures.pipeline import Node, Pipeline


def plan(experiment: Experiment, *, champion_tasks: Collection[str] = ()) -> Pipeline:
    """The steps from raw data to a registered bundle.

    Tasks in `champion_tasks` are compared with the bundle `champion`. A smoke test registers nothing.

    >>> from scanml.models import SceneDetectorConfig
    >>> [node.name for node in plan(Experiment(name="x", detector=SceneDetectorConfig())).nodes][:3]
    ['validate', 'extract', 'train-detector']
    """
    nodes = [
        Node("validate", "validate", {"data": "data"}),
        Node("extract", "extract", {"data": "data", "report": "validate"}),
    ]
    for task in experiment.tasks:
        nodes += _judged_model(task, with_champion=task in champion_tasks)
    parts: dict[str, str] = {task: f"train-{task}" for task in experiment.tasks}
    verdicts = {f"{task}_verdict": f"gate-{task}" for task in experiment.tasks}
    nodes.append(Node("bundle", "export", {**parts, **verdicts, "markers": "extract", "catalog": "extract"}))
    if not experiment.smoke:
        nodes.append(Node("register", "register", {"bundle": "bundle"}))
    return Pipeline(("data", "champion") if champion_tasks else ("data",), tuple(nodes))


def _judged_model(task: str, *, with_champion: bool) -> list[Node]:
    inputs = {"candidate": f"evaluate-{task}"}
    nodes = [
        Node(f"train-{task}", "train", {"shards": "extract"}, task),
        Node(f"evaluate-{task}", "evaluate", {"model": f"train-{task}", "shards": "extract"}, task),
    ]
    if with_champion:
        nodes.append(Node(f"champion-{task}", "evaluate", {"model": "champion", "shards": "extract"}, task))
        inputs["baseline"] = f"champion-{task}"
    return [*nodes, Node(f"gate-{task}", "gate", inputs, task)]
