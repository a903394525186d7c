"""A reader of compiled pipelines that runs them here: containers become processes, conditions are looked up.

It knows of the pipeline specification only what `scanml wrap kubeflow` uses, and anything else is a KeyError. It is no
Kubeflow: it shows that the compiled file says what is meant, not what a cluster makes of it.
"""

import re
import subprocess
from pathlib import Path

CONDITION = re.compile(r"inputs\.parameter_values\['([^']+)'\] == '([^']*)'")
PLACEHOLDER = re.compile(r"\{\{\$\.(inputs|outputs)\.(parameters|artifacts)\['([^']+)'\](?:\.(path|output_file))?\}\}")


def run_compiled(spec, parameters, folder, *, environment):
    """The names of the containers that ran, in order; every product lies in `folder`/TASK/product."""
    root = spec["root"]
    defaults = {name: value.get("defaultValue") for name, value in root["inputDefinitions"]["parameters"].items()}
    given = {"parameters": defaults | parameters, "artifacts": {}}
    assert None not in given["parameters"].values(), "a parameter without a default must be given"
    return Runner(spec, Path(folder), environment).run_dag(root["dag"], given)


class Runner:
    def __init__(self, spec, folder, environment):
        self.spec, self.folder, self.environment = spec, folder, environment

    def run_dag(self, dag, inputs):
        tasks, outputs, ran = dict(dag["tasks"]), {}, []
        while tasks:
            name = next(n for n, task in tasks.items() if set(task.get("dependentTasks", ())) <= set(outputs))
            task = tasks.pop(name)
            read = self.resolve(task, inputs, outputs)
            outputs[name] = {}
            if self.is_open(task, read):
                outputs[name], names = self.run_task(name, task, read)
                ran += names
        return ran

    @staticmethod
    def resolve(task, inputs, outputs):
        read = {}
        for kind, above, made in (
            ("parameters", "componentInputParameter", "taskOutputParameter"),
            ("artifacts", "componentInputArtifact", "taskOutputArtifact"),
        ):
            read[kind] = {}
            for name, source in task.get("inputs", {}).get(kind, {}).items():
                if above in source:
                    read[kind][name] = inputs[kind][source[above]]
                else:
                    key = source[made]["outputParameterKey" if kind == "parameters" else "outputArtifactKey"]
                    read[kind][name] = outputs[source[made]["producerTask"]][key]
        return read

    @staticmethod
    def is_open(task, read):
        if "triggerPolicy" not in task:
            return True
        name, value = CONDITION.fullmatch(task["triggerPolicy"]["condition"]).groups()
        return read["parameters"][name] == value

    def run_task(self, name, task, read):
        component = self.spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            return {}, self.run_dag(component["dag"], read)
        executor = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]
        if "importer" in executor:
            return {"artifact": read["parameters"][executor["importer"]["artifactUri"]["runtimeParameter"]]}, []
        place = self.folder / name
        place.mkdir(parents=True)  # as Kubeflow's launcher does
        written = {"product": str(place / "product"), "verdict": str(place / "verdict")}

        def fill(found):
            direction, kind, key, _ = found.groups()
            return written[key] if direction == "outputs" else read[kind][key]

        container = executor["container"]
        words = [PLACEHOLDER.sub(fill, word) for word in (*container["command"], *container["args"])]
        assert not any("{{" in word.replace(read["parameters"]["experiment"], "") for word in words)
        subprocess.run(words, env=self.environment, check=True, cwd=place)
        return {"product": written["product"], "verdict": (place / "verdict").read_text()}, [name]
