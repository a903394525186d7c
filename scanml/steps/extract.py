"""`scanml extract`: raw data → shards. Reads `data` and its `report`; writes shards/, markers/ and lenses.json."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from scanml.errors import ArtifactError
from scanml.steps.contract import Job, Options, Outcome, Step, execute
from scanml.steps.experiment import Experiment
from scanml.steps.report import StepReport, fingerprint_input, read_report
from scanml.tracking.lineage import IMAGES_TAG


def run(
    config: Experiment, inputs: Mapping[str, str | Path], output: str | Path, options: Options | None = None
) -> StepReport:
    """Split the pictures of `data` by a stable hash and write them upright into shards with checksums."""
    return execute(STEP, config, inputs, output, options or Options())


def _work(job: Job) -> Outcome:
    from scanml.datasets import load_folder, write_shards

    source = job.inputs["data"]
    _check_report(job.inputs["report"], source)
    shards = job.folder / "shards"
    shutil.rmtree(shards, ignore_errors=True)
    data = load_folder(source, config=job.experiment.data)
    for split in data:
        write_shards(split, shards / split.name, shard_megabytes=job.experiment.data.shard_megabytes)
    _copy_catalog(source, job.folder)
    counts = {split.name: len(split) for split in data}
    facts = {"images": counts, "fingerprints": {split.name: split.fingerprint for split in data}}
    tags = {f"{IMAGES_TAG}{split.name}": f"{len(split)} images {split.fingerprint}" for split in data}
    return Outcome(facts=facts, tags=tags)


def _check_report(folder: Path, data: Path) -> None:
    report = read_report(folder, step="validate")
    if report.inputs["data"] != fingerprint_input("data", data):
        raise ArtifactError(f"{folder}: was written for other data than {data} holds now; validate it again.")


def _copy_catalog(source: Path, folder: Path) -> None:
    """Markers and lenses travel with the shards; both are read once, so that mistakes in them show here."""
    from scanml.datasets import load_lenses, load_markers

    if (source / "markers").is_dir():
        load_markers(source / "markers")
        shutil.rmtree(folder / "markers", ignore_errors=True)
        shutil.copytree(source / "markers", folder / "markers", ignore=_unread)
    if (source / "lenses.json").exists():
        load_lenses(source / "lenses.json")
        shutil.copy2(source / "lenses.json", folder / "lenses.json")


def _unread(folder: str, names: list[str]) -> list[str]:
    """What `load_markers` does not read."""
    return [name for name in names if name.startswith(".") or not (Path(folder) / name).is_file()]


STEP = Step("extract", ("data", "report"), _work, lambda experiment, _: experiment.data)
