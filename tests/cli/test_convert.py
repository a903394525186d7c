"""`scanml convert`: whole or not at all, and what it writes is what `scanml validate` reads."""

import shutil
import subprocess

import pytest
from oracles.data_folder import coco, write_pictures
from oracles.other_formats import voc_xml, write_yolo

from scanml.cli import main

NAMES = [f"{index}.png" for index in range(6)]


@pytest.fixture
def folders(tmp_path):
    write_pictures(tmp_path / "yolo" / "images" / "train", NAMES)
    write_yolo(tmp_path / "yolo", coco(NAMES))
    write_pictures(tmp_path / "voc" / "JPEGImages", NAMES)
    (tmp_path / "voc" / "Annotations").mkdir()
    for name in NAMES:
        (tmp_path / "voc" / "Annotations" / name).with_suffix(".xml").write_text(
            voc_xml((40, 60), ("cup", 1, 2, 30, 40))
        )
    return tmp_path


@pytest.mark.parametrize("kind", ["yolo", "voc"])
def test_what_is_converted_is_accepted(folders, capsys, kind):
    out = folders / "out"
    assert main(["convert", kind, "--in", str(folders / kind), "--out", str(out)]) == 0
    assert "6 objects" in capsys.readouterr().out
    assert not (folders / "out.partial").exists()
    words = ["validate", "--config", "detect", "--in", f"data={out}", "--out", str(folders / "report")]
    assert main(words) == 0


def test_nothing_is_left_of_a_folder_with_mistakes(folders, capsys):
    (folders / "yolo" / "images" / "train" / "3.png").write_text("hello")
    words = ["convert", "yolo", "--in", str(folders / "yolo"), "--out", str(folders / "out")]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "3.png" in said and "expected a JPEG or PNG" in said and "Traceback" not in said
    assert not list(folders.glob("out*"))
    write_pictures(folders / "yolo" / "images" / "train", ["3.png"], first_seed=3)
    (folders / "out.partial" / "work" / "images").mkdir(parents=True)  # of one that was killed
    (folders / "out.partial" / "work" / "images" / "old.png").write_text("")
    assert main(words) == 0
    assert not (folders / "out" / "images" / "old.png").exists()


def test_an_output_that_is_there_or_inside_the_input_is_refused(folders, capsys):
    (folders / "out").mkdir()
    words = ["convert", "yolo", "--in", str(folders / "yolo"), "--out"]
    assert main([*words, str(folders / "out")]) == 0  # empty
    assert main([*words, str(folders / "out")]) == 2
    assert "there is something already" in capsys.readouterr().err
    assert main([*words, str(folders / "yolo" / "out")]) == 2
    assert "lies inside --in" in capsys.readouterr().err


def test_places_that_no_folder_can_be_moved_to_are_named(folders, capsys, monkeypatch):
    (folders / "here").mkdir()
    monkeypatch.chdir(folders / "here")
    words = ["convert", "yolo", "--in", str(folders / "yolo"), "--out"]
    assert main([*words, "."]) == 2
    assert f"--out {folders / 'here'} is where you are" in capsys.readouterr().err
    assert main([*words, "s3://bucket/out"]) == 2
    assert "reads and writes local folders" in capsys.readouterr().err
    monkeypatch.chdir(folders / "yolo")
    assert main(["convert", "yolo", "--in", ".", "--out", "../out"]) == 0


def test_what_somebody_keeps_beside_the_output_stays(folders, capsys):
    (folders / "out.partial").mkdir()
    (folders / "out.partial" / "thesis.txt").write_text("mine")
    words = ["convert", "yolo", "--in", str(folders / "yolo"), "--out", str(folders / "out")]
    assert main(words) == 2
    assert "holds 'thesis.txt'" in capsys.readouterr().err
    assert [path.name for path in (folders / "out.partial").iterdir()] == ["thesis.txt"]


def test_wrong_words_are_2():
    with pytest.raises(SystemExit) as left:
        main(["convert", "labelme", "--in", "a", "--out", "b"])
    assert left.value.code == 2


def test_two_conversions_into_one_folder_do_not_mix(folders, capsys):
    if shutil.which("flock") is None:
        pytest.skip("needs flock")
    partial = folders / "out.partial"
    partial.mkdir()
    with subprocess.Popen(
        ["flock", str(partial / "lock"), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdin.write(b"ready\n")
        other.stdin.flush()
        other.stdout.readline()  # it has the lock
        assert main(["convert", "yolo", "--in", str(folders / "yolo"), "--out", str(folders / "out")]) == 2
        assert "another process works here" in capsys.readouterr().err
        other.stdin.close()
    assert not (folders / "out").exists()
