"""`scanml run` as a Kubernetes CronJob, its settled experiment beside it in a ConfigMap.

Every run has a folder of its own, named like its Job: where a pod was moved or killed, the Job's next one goes on. What
was refused (exit code 3) and what is wrong (2) is not tried again.
"""

from __future__ import annotations

import logging
from typing import Any

import yaml

from scanml.config import fingerprint
from scanml.errors import GateError, ScanmlError
from scanml.training.interrupt import SIGTERM_EXIT
from scanml.wrappers.config import CronJobConfig, Place, place
from scanml.wrappers.names import kubernetes_name

Document = dict[str, Any]

USER_ID = 10001  # the Dockerfile's; no account of a base image or a node is likely to have it
_SCHEMA = "1.37"  # the newest that kubernetes-validate 1.37 brings
_NAME_LENGTH = 52  # a CronJob appends 11 characters to make the name of a Job, which has 63 at most
_GRACE_SECONDS = 300  # the updates of one compiled call and a checkpoint on a slow volume; Kubernetes' 30 are too few
_CRASHES = 3  # a crash that comes back after three resumes is no accident
# The README's figures come from two cores; a small detector in batches of 8 at 256 x 320 took 1.2 GiB at its peak.
_RESOURCES = {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "4Gi"}}
_EXPERIMENT = "experiment.json"

_HEADER = """\
# scanml run, again and again: kubectl apply -f cronjob.yaml
# Credentials, where a store asks for any, are read as environment variables from a Secret named {name!r}.
# cpu and memory suit a small model: set them to what yours needs.
"""

_log = logging.getLogger(__name__)


def cronjob_yaml(config: CronJobConfig, *, name: str, experiment: str) -> str:
    """The text of a file for `kubectl apply`; `experiment` is the settled experiment as JSON.

    Where kubernetes-validate is installed, Kubernetes' own schemas check both documents and refuse unknown fields.
    """
    name = kubernetes_name(name, max_length=_NAME_LENGTH)
    settled = _config_map(name, experiment)
    documents = [settled, _cron_job(config, name=name, settled=settled["metadata"]["name"])]
    try:
        import kubernetes_validate
    except ImportError:
        _log.warning("not checked by Kubernetes' schemas: pip install 'scanml[kubernetes]' to have it done.")
    else:
        for document in documents:
            kubernetes_validate.validate(document, _SCHEMA, strict=True)
    text: str = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120)
    return _HEADER.format(name=name) + text


def _config_map(name: str, experiment: str) -> Document:
    """Named by its content and immutable: a resumed run finds the settings it began with."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-{fingerprint(experiment)[:8]}"},
        "immutable": True,
        "data": {_EXPERIMENT: experiment},
    }


def _cron_job(config: CronJobConfig, *, name: str, settled: str) -> Document:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": config.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {
                "spec": {
                    "backoffLimit": _CRASHES,
                    "podReplacementPolicy": "Failed",  # two pods would write into one folder
                    "podFailurePolicy": {"rules": _failure_rules(name)},
                    "template": {"spec": _pod(config, name=name, settled=settled)},
                }
            },
        },
    }


def _failure_rules(container: str) -> list[Document]:
    """The first rule that fits decides; what none fits is a crash and counts."""

    def ended_with(*codes: int) -> Document:
        return {"containerName": container, "operator": "In", "values": list(codes)}

    return [
        {"action": "FailJob", "onExitCodes": ended_with(ScanmlError.exit_code, GateError.exit_code)},
        {"action": "Ignore", "onExitCodes": ended_with(SIGTERM_EXIT)},  # it wrote a checkpoint: go on
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def _pod(config: CronJobConfig, *, name: str, settled: str) -> Document:
    data, output = place("data", config.data), place("output", config.output)
    volumes = [{"name": "settled", "configMap": {"name": settled}}, {"name": "scratch", "emptyDir": {}}]
    mounts: list[Document] = [
        {"name": "settled", "mountPath": "/etc/scanml", "readOnly": True},
        {"name": "scratch", "mountPath": "/tmp"},
    ]
    for title, where in (("data", data), ("output", output)):
        if where.claim is not None:
            volumes.append({"name": title, "persistentVolumeClaim": {"claimName": where.claim}})
            mounts.append({"name": title, "mountPath": f"/{title}", "readOnly": title == "data"})
    store = config.tracking_uri or f"sqlite:///{_path(output, 'output')}/mlflow.db"
    words = ["run", "--config", f"/etc/scanml/{_EXPERIMENT}", "--in", _literal(f"data={_path(data, 'data')}")]
    words += ["--out", _literal(_path(output, "output")) + "/$(JOB_NAME)", "--track", _literal(store)]
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",  # else every file of the volume is touched at every start
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(config.image, words, name=name, mounts=mounts)],
        "volumes": volumes,
    }


def _container(image: str, words: list[str], *, name: str, mounts: list[Document]) -> Document:
    job_name = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-name']"}}
    return {
        "name": name,
        "image": image,
        "command": ["scanml"],
        "args": words,
        "workingDir": "/tmp",
        "env": [{"name": "JOB_NAME", "valueFrom": job_name}, {"name": "HOME", "value": "/tmp"}],
        "envFrom": [{"secretRef": {"name": name, "optional": True}}],
        "resources": _RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _path(where: Place, mount: str) -> str:
    """Where the pod finds a folder: below the volume mounted at `/mount`, or at its URI."""
    return where.path if where.claim is None else f"/{mount}/{where.path}".rstrip("/")


def _literal(word: str) -> str:
    """Kubernetes puts variables into a container's words; this one is meant as it stands."""
    return word.replace("$", "$$")


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, as people write it."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def ignore_aliases(self, _: object) -> bool:
        return True


_Dumper.add_representer(str, _Dumper.represent_text)
