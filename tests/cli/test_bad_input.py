"""Real mistakes typed at the command line: each is named by file and record with a way out, and nothing is lost."""

import json
import shutil

import pytest

from scanml.cli import main

PHOTOS = 6


@pytest.fixture
def folder(world, tmp_path):
    """A small sound data folder of drawn photos, to be broken."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    values = json.loads((world / "instances.json").read_text())
    values["images"] = values["images"][:PHOTOS]
    kept = {image["id"] for image in values["images"]}
    values["annotations"] = [a for a in values["annotations"] if a["image_id"] in kept]
    for image in values["images"]:
        shutil.copy(world / "images" / image["file_name"], root / "images")
    write(root, values)
    return root


def read(root):
    return json.loads((root / "instances.json").read_text())


def write(root, values):
    (root / "instances.json").write_text(json.dumps(values))


def change(key, value, *, place="images", index=0):
    def apply(root):
        values = read(root)
        values[place][index][key] = value
        write(root, values)

    return apply


def empty(root):
    write(root, {"images": [], "annotations": [], "categories": []})


def no_boxes(root):
    write(root, read(root) | {"annotations": []})


def truncate_json(root):
    path = root / "instances.json"
    path.write_text(path.read_text()[:-200])


def truncate_photo(root):
    path = root / "images" / "000001.jpg"
    path.write_bytes(path.read_bytes()[:3000])


def no_photo(root):
    (root / "images" / "000002.jpg").write_text("hello")


def missing_photo(root):
    (root / "images" / "000003.jpg").unlink()


def no_labels(root):
    (root / "instances.json").unlink()


def validate(root, out, *rest):
    return main(["validate", "--config", "detect", "--in", f"data={root}", "--out", str(out), *rest])


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (empty, 3, ["empty"]),
        (no_boxes, 3, ["no image has a box or a trigger"]),
        (truncate_json, 3, ["instances.json", "line"]),
        (truncate_photo, 3, ["000001.jpg", "truncated"]),
        (no_photo, 3, ["000002.jpg", "expected a JPEG or PNG"]),
        (missing_photo, 3, ["000003.jpg", "No such file"]),
        (no_labels, 2, ["instances.json"]),
        (change("file_name", "../../etc/passwd.jpg"), 3, ["images[0]", "leads out of the image folder"]),
        (change("bbox", [400, 10, 20, 20], place="annotations"), 3, ["annotations[0]", "outside the image"]),
        (change("bbox", [4, 10, 0, 20], place="annotations"), 3, ["annotations[0]", "empty"]),
        (change("category_id", 77, place="annotations"), 3, ["annotations[0]", "unknown category id 77"]),
        (change("id", 2, place="images"), 3, ["image id 2 occurs twice"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_broken_data_is_named_and_goes_no_further(folder, tmp_path, capsys, damage, code, words):
    damage(folder)
    out = tmp_path / "out"
    assert validate(folder, out) == code
    said = "".join(capsys.readouterr())
    for word in words:
        assert word in said
    assert "Traceback" not in said
    if code == 3:
        extract = ["extract", "--config", "detect", "--in", f"data={folder}", "--in", f"report={out}"]
        assert main([*extract, "--out", str(tmp_path / "extract")]) == 3
        assert not (tmp_path / "extract" / "shards").exists()


def test_one_class_and_ids_with_gaps_are_fine(folder, tmp_path):
    values = read(folder)
    values["categories"] = [{"id": 901, "name": "thing"}]
    for annotation in values["annotations"]:
        annotation["category_id"] = 901
    write(folder, values)
    assert validate(folder, tmp_path / "out") == 0
    words = ["extract", "--config", "detect", "--in", f"data={folder}", "--in", f"report={tmp_path / 'out'}"]
    assert main([*words, "--out", str(tmp_path / "extract")]) == 0
    index = json.loads((tmp_path / "extract" / "shards" / "train" / "index.json").read_text())
    assert '"category_ids": [901]' in json.dumps(index)


def test_data_that_changed_after_it_was_validated_is_refused(folder, tmp_path, capsys):
    assert validate(folder, tmp_path / "out") == 0
    change("width", 320, place="images", index=1)(folder)
    (folder / "extra.txt").write_text("new")
    words = ["extract", "--config", "detect", "--in", f"data={folder}", "--in", f"report={tmp_path / 'out'}"]
    assert main([*words, "--out", str(tmp_path / "extract")]) == 2
    assert "validate it again" in capsys.readouterr().err


def test_an_output_below_a_file_is_refused(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert validate(folder, tmp_path / "file" / "out") == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["records.jsonl", "00000.shard", "index.json"])
def test_a_flipped_byte_in_the_shards_is_found(folder, tmp_path, capsys, name):
    validate(folder, tmp_path / "out")
    words = ["extract", "--config", "detect", "--in", f"data={folder}", "--in", f"report={tmp_path / 'out'}"]
    main([*words, "--out", str(tmp_path / "extract")])
    path = tmp_path / "extract" / "shards" / "test" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    capsys.readouterr()
    words = ["evaluate", "--config", "detect", "--in", f"model={tmp_path / 'out'}"]
    assert main([*words, "--in", f"shards={tmp_path / 'extract'}", "--out", str(tmp_path / "e")]) == 3
    assert name in capsys.readouterr().out
