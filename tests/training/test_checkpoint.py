"""Checkpoints: whole or not at all, read without trust."""

import io
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from scanml.errors import ArtifactError
from scanml.structures.examples import LabelSpace
from scanml.training.checkpoint import FILE, FORMAT, Header, Writer, find_header, load_model, read_header, restore, save

HEADER = Header(
    task="detector",
    model={"size": "tiny"},
    labels=LabelSpace(("cup",), (7,)),
    train={"steps": 3},
    data_fingerprint="0" * 16,
    trained_on=("a", "b"),
    step=2,
)


def arrays(value):
    return {"weights": [np.full((2, 3), value, "float32")], "average": [np.float32(value)]}


def test_what_was_saved_comes_back(tmp_path):
    save(tmp_path, HEADER, arrays(1.5))
    assert read_header(tmp_path) == HEADER
    found = restore(tmp_path, arrays(0.0))
    np.testing.assert_array_equal(found["weights"][0], np.full((2, 3), 1.5))
    assert float(found["average"][0]) == 1.5


def full_disk(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_save_that_dies_leaves_the_last_one(tmp_path, monkeypatch):
    save(tmp_path, HEADER, arrays(1.0))
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(ArtifactError, match="No space left"):
        save(tmp_path, HEADER, arrays(2.0))
    assert float(restore(tmp_path, arrays(0.0))["average"][0]) == 1.0


def test_a_writer_works_beside_and_says_what_was_saved(tmp_path):
    threads = []
    with Writer(tmp_path, lambda path: threads.append((path, threading.current_thread()))) as writer:
        writer.save(HEADER, arrays(1.0))
        writer.save(replace(HEADER, step=3), arrays(2.0))
    assert [path for path, _ in threads] == [tmp_path / FILE] * 2
    assert all(thread is not threading.current_thread() for _, thread in threads)
    assert read_header(tmp_path).step == 3


@pytest.mark.parametrize("last", [False, True])
def test_what_fails_beside_is_raised_at_the_next_checkpoint_or_at_the_end(tmp_path, monkeypatch, last):
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(ArtifactError, match="No space left"), Writer(tmp_path, lambda path: None) as writer:
        writer.save(HEADER, arrays(1.0))
        if not last:
            writer.save(HEADER, arrays(1.0))
            pytest.fail("the second save must raise what became of the first")


@pytest.mark.parametrize("damage", ["cut", "flip", "text"])
def test_a_damaged_file_is_named(tmp_path, damage):
    save(tmp_path, HEADER, arrays(1.0))
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
        restore(tmp_path, arrays(0.0))


def test_pickles_are_never_opened(tmp_path):
    save(tmp_path, HEADER, arrays(1.0))
    with np.load(tmp_path / FILE) as stored:
        values = dict(stored)
    values["average/0"] = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / FILE, **values)
    with pytest.raises(ArtifactError, match="damaged or of another kind"):
        restore(tmp_path, arrays(0.0))


def test_a_bomb_is_not_unpacked(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(10_000_000, np.uint8))
    with zipfile.ZipFile(tmp_path / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.npy", buffer.getvalue())
    with pytest.raises(ArtifactError, match="unpacks to more"):
        read_header(tmp_path)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    save(tmp_path, HEADER, arrays(1.0))
    with pytest.raises(
        ArtifactError,
        match=r"weights/0 is float32 .*, the model needs float64 .*written for another",
    ):
        restore(tmp_path, {"weights": [np.zeros((2, 3))], "average": [np.zeros(4)]})


def test_a_checkpoint_of_a_newer_version_says_so(tmp_path):
    save(tmp_path, replace(HEADER, format=FORMAT + 1), arrays(1.0))
    with pytest.raises(
        ArtifactError, match=rf"format {FORMAT + 1}, this scanml reads {FORMAT}; a newer scanml wrote it: install"
    ):
        read_header(tmp_path)


def test_an_unfinished_training_is_no_model(tmp_path):
    save(tmp_path, HEADER, arrays(1.0))
    with pytest.raises(ArtifactError, match="its training stands at update 2"):
        load_model(tmp_path)


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(ArtifactError, match="expected a checkpoint"):
        load_model(tmp_path)


def test_an_encrypted_archive_is_damage(tmp_path):
    save(tmp_path, HEADER, arrays(1.0))
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


def test_another_training_is_named_by_what_differs(tmp_path):
    save(tmp_path, HEADER, arrays(1.0))
    assert find_header(tmp_path, HEADER) == HEADER
    with pytest.raises(ArtifactError, match=r"another train \(steps: 3 there, 14 here\)"):
        find_header(tmp_path, replace(HEADER, train={"steps": 14}))


def test_numbers_of_another_kind_are_refused(tmp_path):
    save(tmp_path, HEADER, {"average": [np.array("hello")]})
    with pytest.raises(ArtifactError, match=r"average/0 is <U5 \(\), the model needs float32"):
        restore(tmp_path, {"average": [np.float32(0)]})
