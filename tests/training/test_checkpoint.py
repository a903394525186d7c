"""Checkpoints: whole or not at all, read without trust."""

import io
import zipfile

import keras
import numpy as np
import pytest

from scanml.errors import ArtifactError
from scanml.structures.examples import LabelSpace
from scanml.training.checkpoint import FILE, Header, load_model, read_header, restore, save

HEADER = Header(
    task="detector",
    model={"size": "tiny"},
    labels=LabelSpace(("cup",), (7,)),
    train={"steps": 3},
    data_fingerprint="0" * 16,
    trained_on=("a", "b"),
    step=2,
)


def variables(value):
    return {"model": [keras.Variable(np.full((2, 3), value, "float32"))], "average": [keras.Variable(value)]}


def test_what_was_saved_comes_back(tmp_path):
    save(tmp_path, HEADER, variables(1.5))
    other = variables(0.0)
    assert restore(tmp_path, other) == HEADER
    np.testing.assert_array_equal(np.asarray(other["model"][0]), np.full((2, 3), 1.5))
    assert float(other["average"][0]) == 1.5


def test_a_save_that_dies_leaves_the_last_one(tmp_path, monkeypatch):
    save(tmp_path, HEADER, variables(1.0))

    def die(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", die)
    with pytest.raises(ArtifactError, match="No space left"):
        save(tmp_path, HEADER, variables(2.0))
    other = variables(0.0)
    restore(tmp_path, other)
    assert float(other["average"][0]) == 1.0


@pytest.mark.parametrize("damage", ["cut", "flip", "text"])
def test_a_damaged_file_is_named(tmp_path, damage):
    save(tmp_path, HEADER, variables(1.0))
    path = tmp_path / FILE
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[content.index(np.float32(1.0).tobytes() * 6) + 3] ^= 1
    else:
        content = bytearray(b"hello")
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"state\.npz"):
        restore(tmp_path, variables(0.0))


def test_pickles_are_never_opened(tmp_path):
    save(tmp_path, HEADER, variables(1.0))
    with np.load(tmp_path / FILE) as stored:
        arrays = dict(stored)
    arrays["average/0"] = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / FILE, **arrays)
    with pytest.raises(ArtifactError, match="damaged or of another kind"):
        restore(tmp_path, variables(0.0))


def test_a_bomb_is_not_unpacked(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(10_000_000, np.uint8))
    with zipfile.ZipFile(tmp_path / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.npy", buffer.getvalue())
    with pytest.raises(ArtifactError, match="unpacks to more"):
        read_header(tmp_path)


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path):
    save(tmp_path, HEADER, variables(1.0))
    other = {"model": [keras.Variable(np.zeros((2, 3)))], "average": [keras.Variable(np.zeros(4))]}
    with pytest.raises(ArtifactError, match="written for another model"):
        restore(tmp_path, other)
    assert not np.asarray(other["model"][0]).any()


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(ArtifactError, match="expected a checkpoint"):
        load_model(tmp_path)


def test_an_encrypted_archive_is_damage(tmp_path):
    save(tmp_path, HEADER, variables(1.0))
    path = tmp_path / FILE
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # of the first entry: "encrypted"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged or of another kind"):
        read_header(tmp_path)


def test_an_array_that_claims_more_than_any_memory_is_damage(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        archive.writestr("header.npy", header.getvalue())
    with pytest.raises(ArtifactError, match="damaged or of another kind"):
        read_header(tmp_path)
