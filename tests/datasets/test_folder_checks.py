"""Files that nobody lists, links that lead out, archives nobody unpacked, label files that disagree."""

import json
import tarfile
import zipfile

import pytest
from oracles.data_folder import coco, edit_json, write_folder, write_pictures

from scanml.datasets import DataConfig, load_coco, load_folder
from scanml.datasets.folder import read_folder, read_instances
from scanml.datasets.validate import inspect_folder
from scanml.errors import DataError


def found(root, **options):
    return [(finding.kind, finding.where) for finding in read_folder(root, **options).findings]


def test_files_that_no_label_file_lists_are_named_and_hidden_ones_not(tmp_path):
    write_folder(tmp_path, train=2, test=1)
    write_pictures(tmp_path / "images", ["stray.png", "sub/deep.png", ".hidden.png", ".cache/x.png"])
    (tmp_path / "images/notes.txt").write_text("")
    where = [str(tmp_path / "images" / name) for name in ("notes.txt", "stray.png", "sub/deep.png")]
    assert found(tmp_path) == [("file that no label file lists", path) for path in where]


def test_a_file_is_listed_however_its_path_is_written_and_by_a_wrong_record_too(tmp_path):
    write_pictures(tmp_path / "images", ["sub/a.png", "b.png"])
    values = coco(["sub//a.png", "./b.png"])
    values["images"][1]["width"] = -1
    (tmp_path / "instances.json").write_text(json.dumps(values))
    assert {kind for kind, _ in found(tmp_path)} == {"wrong image record"}


def test_a_label_file_that_cannot_be_read_may_list_them_all(tmp_path):
    write_folder(tmp_path, train=2, test=1)
    (tmp_path / "test.json").write_text("{")
    assert [kind for kind, _ in found(tmp_path)] == ["label file that cannot be read"]


@pytest.mark.parametrize("link", ["picture", "folder"])
def test_a_link_out_of_the_folder_is_an_error_unless_it_is_wanted(tmp_path, link):
    root = write_folder(tmp_path / "data", instances=8)
    write_pictures(tmp_path / "secret", ["x.png"], first_seed=50)
    if link == "picture":
        (root / "images/x.png").symlink_to(tmp_path / "secret/x.png")
    else:
        (root / "images/sub").symlink_to(tmp_path / "secret")
    name = "x.png" if link == "picture" else "sub/x.png"
    names = [*(f"instances{index}.png" for index in range(8)), name]
    (root / "instances.json").write_text(json.dumps(coco(names)))
    assert ("link out of the data folder", f"image {name!r} (id 9)") in found(root)
    wanted = DataConfig(follow_links=True)
    for load in (load_folder, lambda r, **k: load_coco(r / "images", r / "instances.json", **k)):
        with pytest.raises(DataError, match=rf"{name}.* leads out of the data folder, to {tmp_path}/secret/x.png"):
            load(root)
        if link == "picture" or load != load_folder:
            assert sum(map(len, load(root, config=wanted))) == 9
        else:  # a step would not notice what changes in there
            with pytest.raises(DataError, match=rf"{name}.* lies behind {root}/images/sub, a link to a folder"):
                load(root, config=wanted)


def test_links_within_the_folder_and_a_linked_picture_folder_are_followed(tmp_path):
    root = write_folder(tmp_path / "data", instances=3)
    (root / "images").rename(tmp_path / "store")
    (root / "images").symlink_to(tmp_path / "store")
    (tmp_path / "store/instances0.png").rename(root / "kept.png")
    (tmp_path / "store/instances0.png").symlink_to(root / "kept.png")
    assert found(root) == []


def test_a_link_to_itself_is_a_picture_that_cannot_be_read(tmp_path):
    root = write_folder(tmp_path, instances=3)
    (root / "images/instances0.png").unlink()
    (root / "images/instances0.png").symlink_to("instances0.png")
    with pytest.raises(DataError, match=r"instances0\.png: cannot be read"):
        load_folder(root)


def packed(folder, name):
    path = folder / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "")
    else:
        with tarfile.open(path, "w:gz"):
            pass
    return path


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz"])
def test_an_archive_is_to_be_unpacked_wherever_it_lies(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name}: expected a folder .*, received an archive; unpack it"):
        read_folder(packed(tmp_path, name))
    with pytest.raises(DataError, match=f"found neither .*; there is the archive {name}: unpack it"):
        read_folder(tmp_path)
    (tmp_path / "instances.json").write_text(json.dumps(coco(["a.png"])))
    (finding,) = read_folder(tmp_path).findings
    assert (finding.problem, finding.remedy) == (
        f"expected the folder of the pictures, found the archive {name}.",
        f"Unpack {name}.",
    )
    write_pictures(tmp_path / "images", ["a.png"])
    (tmp_path / name).rename(tmp_path / "images" / name)
    (finding,) = read_folder(tmp_path).findings
    assert (finding.severity, finding.kind) == ("warning", "archive among the pictures")
    assert "Unpack it" in finding.remedy


def test_differing_categories_are_named(tmp_path):
    write_folder(tmp_path, train=2, val=2)
    edit_json(tmp_path / "val.json", lambda values: values["categories"][1].update(name="wolf"))
    (finding,) = read_folder(tmp_path).findings
    assert finding.where == str(tmp_path / "val.json")
    assert finding.problem == (
        f"its categories differ from those of {tmp_path / 'train.json'}: "
        "7 'dog' only in train.json, 7 'wolf' only in val.json."
    )


def test_a_hidden_picture_that_is_listed_is_an_error(tmp_path):
    names = ["a.png", ".b.png", ".sub/c.png"]
    write_pictures(tmp_path / "images", names)
    (tmp_path / "instances.json").write_text(json.dumps(coco(names)))
    wrong = [("hidden picture", f"image {name!r} (id {number})") for number, name in ((2, ".b.png"), (3, ".sub/c.png"))]
    assert found(tmp_path) == wrong
    assert [image.file_name for _, image in read_folder(tmp_path).all_images()] == ["a.png"]


def test_a_linked_folder_among_the_pictures_is_said_and_not_searched(tmp_path):
    root = write_folder(tmp_path / "data", instances=2)
    write_pictures(tmp_path / "large", ["x.png"], first_seed=50)
    (root / "images/large").symlink_to(tmp_path / "large")
    assert found(root) == [("linked folder among the pictures", str(root / "images/large"))]


@pytest.mark.parametrize(
    "name", ["instances.json", "triggers.jsonl", "taxonomy.json", "lenses.json", "markers/a/a.png"]
)
def test_other_files_that_are_links_out_are_not_read_unless_it_is_wanted(tmp_path, name):
    root = write_folder(tmp_path / "data", instances=2)
    (root / "triggers.jsonl").write_text('{"image": "instances0.png", "present": ["sky"]}\n')
    place, secret = root / name, tmp_path / "secret"
    secret.write_bytes(place.read_bytes() if place.exists() else b'{"hush": "hush"}')
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(secret)
    assert found(root) == [("link out of the data folder", str(place))]
    findings = read_folder(root, follow_links=True).findings
    assert all(finding.kind == "wrong taxonomy" or finding.kind.startswith("taxonomy") for finding in findings)
    report, _ = inspect_folder(root)
    assert not report.passed and "hush" not in str(report.to_json())


def test_no_finding_shows_what_a_link_leads_out_to(tmp_path):
    root = write_folder(tmp_path / "data", instances=2)
    write_pictures(tmp_path, ["secret.png"], first_seed=50)
    for name in ("listed.png", "stray.png"):
        (root / "images" / name).symlink_to(tmp_path / "secret.png")
    values = coco(["instances0.png", "instances1.png", "listed.png"], box=(5.0, 6.0, -1.0, 10.0))
    (root / "instances.json").write_text(json.dumps(values))
    for read in (read_folder, lambda root: read_instances(root / "images", root / "instances.json")):
        findings = read(root).findings
        shown = {spot.path.name for finding in findings for spot in finding.spots}
        assert shown == {"instances0.png", "instances1.png"}
        assert any(f"leads out of the data folder, to {tmp_path}/secret.png" in f.problem for f in findings)
    assert any(spot.path.name == "stray.png" for f in read_folder(root, follow_links=True).findings for spot in f.spots)
