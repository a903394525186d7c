"""Folders as finished steps leave them, written by hand."""

import uuid
from dataclasses import replace

import pytest

from scanml.steps.contract import YES
from scanml.steps.report import StepReport, fingerprint_work, write_report


@pytest.fixture
def finish():
    """`finish(folder, "train", task="detector", ...)` writes the report that the step would."""

    def finish(folder, step, *, task=None, verdict=YES, inputs=None, metrics=None, facts=None):
        folder.mkdir(parents=True, exist_ok=True)
        report = StepReport(
            step=step,
            version="0",
            task=task,
            inputs=inputs or {},
            settings={},
            fingerprint="",
            verdict=verdict,
            metrics=metrics or {},
            facts=facts or {},
        )
        report = replace(report, fingerprint=fingerprint_work(folder, report))
        write_report(folder, report)
        return report

    return finish


@pytest.fixture(scope="session")
def s3_endpoint():
    """The address of an S3 server on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3_endpoint, monkeypatch, tmp_path):
    """The URI of an empty bucket; this process and its children reach it, and copy below `tmp_path`/scratch."""
    from s3fs import S3FileSystem

    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SCANML_SCRATCH": str(tmp_path / "scratch"),
    }.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    S3FileSystem().mkdir(name)
    return f"s3://{name}"
