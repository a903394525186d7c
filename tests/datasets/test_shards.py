"""What is written is read back; a byte that changed anywhere is refused by the name of its file."""

import json

import numpy as np
import pytest
from oracles.data_folder import picture, write_folder
from PIL import Image

from scanml.config import fingerprint, to_json
from scanml.datasets import DataConfig, load_folder, open_shards, open_split, write_shards
from scanml.datasets.headers import is_upright
from scanml.errors import ArtifactError


@pytest.fixture
def data(tmp_path):
    root = write_folder(tmp_path / "raw", train=5, val=2, test=2)
    (root / "triggers.jsonl").write_text('{"image": "train0.png", "present": ["sky"], "absent": ["sea"]}\n')
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(picture(0)).save(root / "images/train0.png", exif=exif)
    return load_folder(root)


@pytest.fixture
def folder(data, tmp_path):
    for split in data:
        write_shards(split, tmp_path / "shards" / split.name, shard_megabytes=1)
    return tmp_path / "shards"


def test_what_is_written_is_read_back(data, folder):
    opened = open_shards(folder)
    for before, after in zip(data, opened, strict=True):
        assert (after.name, after.labels, after.records) == (before.name, before.labels, before.records)
        assert after.fingerprint == before.fingerprint
        for index in range(len(before)):
            np.testing.assert_array_equal(after.frame(index).pixels, before.frame(index).pixels)
            np.testing.assert_array_equal(after.detection(index).boxes.xyxy, before.detection(index).boxes.xyxy)


def test_shards_hold_upright_pictures_and_sound_files_keep_their_bytes(data, folder):
    opened = open_shards(folder)
    assert not is_upright(data.train.read(0))
    assert is_upright(opened.train.read(0))
    assert opened.train.read(1) == data.train.read(1)


def test_a_shard_ends_when_it_is_full(data, tmp_path):
    noise = np.random.default_rng(0)
    split = data.train
    large = type(split)(split.name, split.labels, split.records, lambda i: split.read(i) + noise.bytes(600_000))
    write_shards(large, tmp_path / "large", shard_megabytes=1)
    shards = sorted((tmp_path / "large").glob("*.shard"))
    assert [path.name for path in shards] == ["00000.shard", "00001.shard"]  # 0.6 + 0.6, then 0.6 + 0.6 megabytes
    assert len(open_split(tmp_path / "large").frame(4).pixels) == 40


def test_a_flipped_byte_is_refused_by_the_name_of_its_picture(folder):
    path = folder / "train" / "00000.shard"
    whole = path.read_bytes()
    places = [json.loads(line)["place"] for line in (folder / "train" / "records.jsonl").read_text().splitlines()]
    for number, place in enumerate(places):
        at = place["offset"] + place["length"] // 2
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ArtifactError, match=rf"00000\.shard: .*: damaged are 'train{number}\.png'\. Extract again"):
            open_shards(folder)
    path.write_bytes(bytes(len(whole)))
    with pytest.raises(ArtifactError, match=r"damaged are 'train0\.png', 'train1\.png', 'train2\.png' and 2 more"):
        open_shards(folder)
    path.write_bytes(whole + b"more")
    with pytest.raises(ArtifactError, match=r"00000\.shard: differs .*, though no picture does"):
        open_shards(folder)


@pytest.mark.parametrize("name", ["00000.shard", "records.jsonl"])
def test_a_flipped_byte_is_refused_by_the_name_of_its_file(folder, rng, name):
    path = folder / "train" / name
    whole = path.read_bytes()
    for place in rng.integers(0, len(whole), 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArtifactError, match=name):
            open_shards(folder)


def test_a_flipped_byte_of_the_index_is_refused_wherever_it_matters(folder):
    path = folder / "train" / "index.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        path.write_bytes(changed)
        with pytest.raises(ArtifactError, match="train"):
            open_shards(folder)


def test_a_byte_that_flips_later_is_found_when_its_picture_is_read(folder):
    split = open_split(folder / "train")
    path = folder / "train" / "00000.shard"
    path.write_bytes(path.read_bytes()[:-3])
    split.read(0)
    with pytest.raises(ArtifactError, match=r"00000\.shard: picture 'train4\.png', bytes at \d+ differ"):
        split.read(4)
    path.unlink()
    with pytest.raises(ArtifactError, match=r"00000\.shard: cannot be read"):
        split.read(0)


def seal(folder, change):
    """Change the index and give it a fitting checksum, as someone with intent would."""
    path = folder / "index.json"
    values = json.loads(path.read_text())
    change(values)
    values["checksum"] = fingerprint(values | {"checksum": ""})
    path.write_text(json.dumps(values))


@pytest.mark.parametrize("name", ["../test/00000.shard", "/etc/passwd", "sub/x.shard"])
@pytest.mark.parametrize("verify", [True, False])
def test_names_that_lead_out_of_the_folder_are_refused(folder, name, verify):
    seal(folder / "train", lambda values: values["files"].update({name: "0"}))
    with pytest.raises(ArtifactError, match="leads out of its folder"):
        open_split(folder / "train", verify=verify)


def test_records_must_lie_in_listed_shards_and_be_as_many_as_said(folder):
    path = folder / "train" / "records.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace("00000.shard", "../test/00000.shard", 1))
    with pytest.raises(ArtifactError, match="do not belong together"):
        open_split(folder / "train", verify=False)
    path.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(ArtifactError, match="do not belong together"):
        open_split(folder / "train", verify=False)


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"place": {}, "record": {}}', '{"place": 3, "record": 3}', "[" * 9999]
)
def test_records_that_make_no_sense_are_refused(folder, line):
    (folder / "train" / "records.jsonl").write_text(line + "\n")
    with pytest.raises(ArtifactError, match="train: expected shards"):
        open_split(folder / "train", verify=False)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"3", b'{"format": 1}'])
def test_an_index_that_makes_no_sense_is_refused(folder, content):
    (folder / "train" / "index.json").write_bytes(content)
    with pytest.raises(ArtifactError, match="train: expected shards written by `scanml extract`"):
        open_shards(folder)


def test_another_format_and_a_missing_folder_are_refused(folder, tmp_path):
    seal(folder / "train", lambda values: values.update(format=2))
    with pytest.raises(
        ArtifactError, match=r"train: shards of format 2, this scanml reads 1; install the newer one\.$"
    ):
        open_shards(folder)
    seal(folder / "train", lambda values: values.update(format=0))
    with pytest.raises(ArtifactError, match=r"format 0, this scanml reads 1; extract again\.$"):
        open_shards(folder)
    with pytest.raises(ArtifactError, match="nowhere"):
        open_shards(tmp_path / "nowhere")


def test_a_picture_larger_than_the_default_limit_can_be_written_and_read(tmp_path, monkeypatch):
    root = write_folder(tmp_path / "raw", train=3, val=1, test=1)
    monkeypatch.setattr("scanml.datasets.images.MAX_MEGAPIXELS", 0)
    split = load_folder(root, config=DataConfig(max_megapixels=1)).train
    write_shards(split, tmp_path / "train", shard_megabytes=1)
    assert open_split(tmp_path / "train").frame(0).size == (40, 60)


def test_the_index_tells_its_checksum_last(folder):
    values = json.loads((folder / "train" / "index.json").read_text())
    assert values["checksum"] == fingerprint(to_json(values | {"checksum": ""}))
    assert values["num_records"] == 5
