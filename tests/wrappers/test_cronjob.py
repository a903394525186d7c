"""The CronJob is one that Kubernetes takes, its words are ones that scanml takes, and exit codes decide as promised."""

import json
import sys

import kubernetes_validate
import pytest
import yaml

from scanml.cli.parser import build_parser
from scanml.steps import load_experiment
from scanml.wrappers import CronJobConfig, cronjob_yaml

VOLUMES = {"image": "scanml:1", "schedule": "0 3 * * *", "data": "pvc://photos/scan", "output": "pvc://runs/a"}
STORES = VOLUMES | {"data": "s3://b/photos", "tracking_uri": "http://mlflow:5000"}


def documents(settled, **values):
    settled_map, job = yaml.safe_load_all(
        cronjob_yaml(CronJobConfig(**VOLUMES | values), name="scan", experiment=settled)
    )
    return settled_map, job["spec"]["jobTemplate"]["spec"], job


def pod(settled, **values):
    spec = documents(settled, **values)[1]["template"]["spec"]
    [container] = spec["containers"]
    return spec, container


def run_words(container, **variables):
    """The command as the pod runs it: $(NAME) is put in, $$ is a $."""
    words = []
    for word in (*container["command"], *container["args"]):
        for name, value in variables.items():
            word = word.replace(f"$({name})", value)
        words.append(word.replace("$$", "$"))
    assert words.pop(0) == "scanml"
    return build_parser(words).parse_args(words)


@pytest.mark.parametrize("values", [VOLUMES, STORES])
def test_kubernetes_takes_both_documents_and_no_unknown_field(settled, values):
    settled_map, _, job = documents(settled, **values)
    for document in (settled_map, job):
        kubernetes_validate.validate(document, "1.37", strict=True)
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restart"] = "Never"
    with pytest.raises(kubernetes_validate.ValidationError, match="restart"):
        kubernetes_validate.validate(job, "1.37", strict=True)


def test_the_same_experiment_is_the_same_file_and_another_has_another_map(settled):
    config = CronJobConfig(**VOLUMES)
    text = cronjob_yaml(config, name="scan", experiment=settled)
    assert text == cronjob_yaml(config, name="scan", experiment=settled)
    other = settled.replace('"seed": 0', '"seed": 1', 1)
    assert documents(settled)[0]["metadata"]["name"] != documents(other)[0]["metadata"]["name"]


def test_the_settled_experiment_is_what_the_pod_reads(settled, tmp_path, experiment):
    settled_map, _, _ = documents(settled)
    spec, container = pod(settled)
    parsed = run_words(container, JOB_NAME="scan-1")
    [mount] = [m for m in container["volumeMounts"] if parsed.config.startswith(m["mountPath"] + "/")]
    [volume] = [v for v in spec["volumes"] if v["name"] == mount["name"]]
    assert volume["configMap"]["name"] == settled_map["metadata"]["name"]
    path = tmp_path / "experiment.json"
    path.write_text(settled_map["data"][parsed.config.removeprefix(mount["mountPath"] + "/")])
    assert load_experiment(path) == experiment


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(2, "FailJob"), (3, "FailJob"), (143, "Ignore"), (1, "counts"), (137, "counts"), (139, "counts"), (130, "counts")],
)
def test_exit_codes(settled, code, outcome):
    _, job, _ = documents(settled)
    _, container = pod(settled)
    fits = [
        rule["action"]
        for rule in job["podFailurePolicy"]["rules"]
        if "onExitCodes" in rule and rule["onExitCodes"]["operator"] == "In" and code in rule["onExitCodes"]["values"]
    ]
    assert [*fits, "counts"][0] == outcome
    names = {rule["onExitCodes"]["containerName"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule}
    assert names == {container["name"]}


def test_a_pod_that_was_moved_goes_on_alone_where_the_other_stood(settled):
    """Never two at once, and the pods of a Job share a folder that no other Job has."""
    _, job, cron_job = documents(settled)
    spec, container = pod(settled)
    assert cron_job["spec"]["concurrencyPolicy"] == "Forbid" and job["podReplacementPolicy"] == "Failed"
    assert spec["restartPolicy"] == "Never" and spec["terminationGracePeriodSeconds"] > 30
    [variable] = [v for v in container["env"] if v["name"] == "JOB_NAME"]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['batch.kubernetes.io/job-name']"
    parsed = run_words(container, JOB_NAME="scan-29384")
    assert parsed.inputs == ["data=/data/scan"] and str(parsed.out) == "/output/a/scan-29384"
    assert parsed.track == "sqlite:////output/a/mlflow.db" and parsed.refusal == "exit"


def test_volumes_are_claims_and_raw_data_cannot_be_written(settled):
    spec, container = pod(settled)
    claims = {volume["name"]: volume.get("persistentVolumeClaim", {}).get("claimName") for volume in spec["volumes"]}
    assert claims == {"data": "photos", "output": "runs", "settled": None, "scratch": None}
    writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert writable == {"/output", "/tmp"}


def test_data_on_an_object_store_needs_no_claim(settled):
    spec, container = pod(settled, **STORES)
    assert {v["name"] for v in spec["volumes"]} == {"settled", "scratch", "output"}
    assert [word for word in container["args"] if "://" in word] == ["data=s3://b/photos", "http://mlflow:5000"]


def test_a_dollar_is_no_variable(settled):
    _, container = pod(settled, data="pvc://photos/$(HOME)")
    assert "data=/data/$$(HOME)" in container["args"]


def test_the_pod_has_no_more_rights_than_it_needs(settled):
    spec, container = pod(settled)
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_long_name_leaves_room_for_what_kubernetes_appends(settled):
    text = cronjob_yaml(CronJobConfig(**VOLUMES), name="A" * 64, experiment=settled)
    _, job = yaml.safe_load_all(text)
    assert job["metadata"]["name"] == "a" * 52


def test_without_the_validator_it_is_written_and_said(settled, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "kubernetes_validate", None)
    settled_map, _, _ = documents(settled)
    assert json.loads(settled_map["data"]["experiment.json"]) == json.loads(settled)
    assert "scanml[kubernetes]" in caplog.text
