from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from oracles.tiny_scene import LABELS

from scanml.errors import ArtifactError
from scanml.export import open_bundle
from scanml.export.bundle import list_files
from scanml.structures import GateVerdict, Metric


@pytest.fixture
def copy(bundle_folder, tmp_path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def rewrite(folder: Path, change) -> None:
    """Change the manifest as someone would who also mends its fingerprint."""
    from scanml.config import fingerprint

    values = json.loads((folder / "manifest.json").read_text())
    change(values["manifest"])
    values["fingerprint"] = fingerprint(values["manifest"])
    (folder / "manifest.json").write_text(json.dumps(values, indent=1) + "\n")


def test_a_bundle_says_all_that_was_written_into_it(bundle_folder):
    manifest = open_bundle(bundle_folder).manifest
    assert manifest.labels == LABELS
    assert manifest.metrics == {"detector": {"AP": Metric("AP", 1.0, 0.5, None, 9)}}
    assert manifest.verdicts == {"detector": GateVerdict(True, ("yes: AP",), smoke=True)}
    assert manifest.config == {"name": "tiny", "seed": 0, "sizes": [64, 96]}
    assert manifest.thresholds == {"sky": 0.5, "drink": 0.5}
    assert set(manifest.versions) == {"scanml", "keras", "tensorflow"}
    assert manifest.parity["num_images"] == 1 and manifest.parity["box_px"] <= 0.5


def test_every_file_but_the_manifest_is_hashed(bundle_folder):
    files = list_files(bundle_folder, below=bundle_folder)
    assert sorted(open_bundle(bundle_folder).manifest.files) == [name for name in files if name != "manifest.json"]
    assert {"markers/red-poster.png", "lenses/lenses.json", "scene/1/saved_model.pb"} <= set(files)
    assert "markers/.hidden" not in files


@pytest.mark.parametrize(
    "name",
    [
        "scene/1/saved_model.pb",
        "scene/1/variables/variables.data-00000-of-00001",
        "scene/1/variables/variables.index",
        "markers/red-poster.png",
        "lenses/lenses.json",
    ],
)
def test_a_flipped_byte_is_named(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ArtifactError, match=rf"{name}: has changed.*export the model again"):
        open_bundle(copy)


def test_a_flipped_byte_anywhere_in_the_manifest_is_noticed(copy):
    path = copy / "manifest.json"
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :])
        with pytest.raises(ArtifactError, match=r"manifest\.json"):
            open_bundle(copy)


def test_a_missing_file_is_named(copy):
    (copy / "markers" / "red-poster.png").unlink()
    with pytest.raises(ArtifactError, match=r"red-poster\.png: the manifest lists this file, but it is missing"):
        open_bundle(copy)


def test_a_stranger_among_the_models_files_is_refused(copy):
    (copy / "scene" / "1" / "assets").mkdir(exist_ok=True)
    (copy / "scene" / "1" / "assets" / "extra.txt").write_text("x")
    with pytest.raises(ArtifactError, match=r"extra\.txt: the manifest does not know this file"):
        open_bundle(copy)


def test_reports_markers_and_lenses_may_be_added(copy):
    (copy / "report.json").write_text("{}")
    (copy / "markers" / "more.png").write_bytes(b"x")
    assert open_bundle(copy).folder == copy


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "scene/../../outside", "scene\\1\\x", "outside", ""])
def test_names_outside_of_the_bundle_are_refused(copy, name):
    (copy.parent / "outside").write_text("x")
    rewrite(copy, lambda manifest: manifest["files"].update({name: "0" * 64}))
    with pytest.raises(ArtifactError, match="expected files in scene, markers, lenses, phone only"):
        open_bundle(copy)


def test_another_format_and_unknown_fields_are_refused(copy):
    rewrite(copy, lambda manifest: manifest.update(format=2, smell="sweet"))
    with pytest.raises(ArtifactError, match=r"a newer scanml wrote it \(format 2, this one reads 1\): install"):
        open_bundle(copy)
    rewrite(copy, lambda manifest: manifest.update(format=0))
    with pytest.raises(ArtifactError, match="expected format 1, received 0; export the model again"):
        open_bundle(copy)
    rewrite(copy, lambda manifest: manifest.update(format=1, smell="sweet"))
    with pytest.raises(ArtifactError, match="no field 'smell'"):
        open_bundle(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifest": 3}', '{"manifest": {"format": 1}}', "\udcff"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(os.fsencode(text))
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        open_bundle(tmp_path)


def test_a_folder_without_manifest_is_no_bundle(tmp_path):
    with pytest.raises(ArtifactError, match=r"no bundle, manifest\.json is missing"):
        open_bundle(tmp_path)
