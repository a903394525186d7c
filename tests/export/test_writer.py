from __future__ import annotations

import pytest
from oracles.tiny_scene import encode, textured, tiny_model

from scanml.errors import ArtifactError, DataError, GateError
from scanml.export import Origin, write_bundle
from scanml.export import writer as writer_module

ORIGIN = Origin(config={}, fingerprints={}, metrics={}, verdicts={})


@pytest.fixture
def images(rng) -> dict[str, bytes]:
    return {"photo": encode(textured(rng, 40, 50), "JPEG")}


def test_a_folder_that_holds_something_is_left_alone(tmp_path, images):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ArtifactError, match="expected an empty or new folder"):
        write_bundle(tmp_path, tiny_model(), ORIGIN, images=images)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_broken_lenses_are_refused_before_anything_is_written(tmp_path, images):
    (tmp_path / "lenses.json").write_text("[{]")
    with pytest.raises(DataError, match=r"lenses\.json"):
        write_bundle(tmp_path / "out", tiny_model(), ORIGIN, images=images, lenses=tmp_path / "lenses.json")
    assert not (tmp_path / "out").exists()


def test_without_parity_there_is_no_bundle(tmp_path, images, monkeypatch):
    def refuse(*_: object) -> None:
        raise GateError("they differ")

    monkeypatch.setattr(writer_module, "write_saved_model", lambda model, folder: folder.mkdir(parents=True))
    monkeypatch.setattr(writer_module, "prove_parity", refuse)
    with pytest.raises(GateError, match="they differ"):
        write_bundle(tmp_path / "out", tiny_model(), ORIGIN, images=images)
    assert not (tmp_path / "out" / "manifest.json").exists()
