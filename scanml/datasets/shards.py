"""Shards on disk: upright pictures one after the other, their records beside them, everything under a checksum.

shards/train/index.json        format, labels, fingerprint, shards and records with their SHA-256
shards/train/records.jsonl     one record a line: labels, where its bytes lie, their CRC-32
shards/train/00000.shard       encoded pictures, concatenated
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
from tqdm import tqdm

from scanml.config import fingerprint, from_json, to_json
from scanml.datasets.headers import is_upright
from scanml.datasets.records import DataSet, Record, Split, data_set
from scanml.errors import ArtifactError, ScanmlError
from scanml.structures.examples import LabelSpace

FORMAT = 1
RECORDS = "records.jsonl"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a record's encoded picture lies."""

    shard: str
    offset: int
    length: int
    crc32: int


@dataclasses.dataclass(frozen=True)
class Index:
    """What one split's folder holds."""

    format: int
    split: str
    labels: LabelSpace
    num_records: int
    fingerprint: str
    files: dict[str, str]  # name → SHA-256
    checksum: str = ""  # of all of the above

    def expected_checksum(self) -> str:
        """What `checksum` has to be."""
        return fingerprint(dataclasses.replace(self, checksum=""))


def write_shards(split: Split, folder: Path, *, shard_megabytes: int) -> None:
    """Write one split; upright 8-bit pictures keep their bytes, others become lossless PNG."""
    folder.mkdir(parents=True)
    lines: list[str] = []
    names: list[str] = []
    size = shard_megabytes << 20
    for index, data in enumerate(_upright_bytes(split)):
        if not names or (folder / names[-1]).stat().st_size >= size:
            names.append(f"{len(names):05d}.shard")
            (folder / names[-1]).touch()
        with (folder / names[-1]).open("ab") as shard:
            place = Place(names[-1], shard.tell(), len(data), zlib.crc32(data))
            shard.write(data)
        lines.append(json.dumps({"record": to_json(split.records[index]), "place": to_json(place)}))
    (folder / RECORDS).write_text("".join(line + "\n" for line in lines))
    files = {name: _sha256(folder / name) for name in [*names, RECORDS]}
    value = Index(FORMAT, split.name, split.labels, len(split), split.fingerprint, files)
    value = dataclasses.replace(value, checksum=value.expected_checksum())
    (folder / "index.json").write_text(json.dumps(to_json(value), indent=1))


def open_shards(folder: Path, *, verify: bool = True) -> DataSet:
    """The data set in `folder`/{train,validation,test}; `verify` reads every file once against its SHA-256.

    Raises:
        ArtifactError: not shards, of another format, or a file differs from its checksum.
    """
    return data_set({name: open_split(folder / name, verify=verify) for name in ("train", "validation", "test")})


def open_split(folder: Path, *, verify: bool = True) -> Split:
    """One split; see `open_shards`."""
    try:
        index = _read_index(folder)
        if verify and _sha256(folder / RECORDS) != index.files[RECORDS]:
            raise ArtifactError(f"{folder / RECORDS}: differs from its checksum in index.json. Extract again.")
        rows = [json.loads(line) for line in (folder / RECORDS).read_text().splitlines()]
        places = [from_json(Place, row["place"], where=RECORDS) for row in rows]
        records = [from_json(Record, row["record"], where=RECORDS) for row in rows]
        for name in sorted(index.files) if verify else ():
            if name != RECORDS and _sha256(folder / name) != index.files[name]:
                damaged = _damaged(folder / name, places, records)
                raise ArtifactError(
                    f"{folder / name}: differs from its checksum in index.json{damaged}. Extract again."
                )
    except ArtifactError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, ScanmlError) as error:
        raise ArtifactError(f"{folder}: expected shards written by `scanml extract`; {error} Extract again.") from error
    if len(rows) != index.num_records or {place.shard for place in places} - set(index.files):
        raise ArtifactError(f"{folder}: records.jsonl and index.json do not belong together. Extract again.")

    def read(number: int) -> bytes:
        return _read(folder / places[number].shard, places[number], records[number])

    return Split(index.split, index.labels, records, read, read_is_checked=True)


def _upright_bytes(split: Split) -> Iterator[bytes]:
    for index in tqdm(range(len(split)), desc=f"shards {split.name}", unit="image", disable=None):
        data = split.read(index)
        if is_upright(data):
            yield data
        else:
            yield bytes(cv2.imencode(".png", split.frame(index).pixels[..., ::-1])[1])


def _read(path: Path, place: Place, record: Record) -> bytes:
    try:
        with path.open("rb") as shard:
            shard.seek(place.offset)
            data = shard.read(place.length)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read ({error}); extract again.") from error
    if zlib.crc32(data) != place.crc32:
        raise ArtifactError(
            f"{path}: picture {record.file_name!r}, bytes at {place.offset} differ from their checksum; extract again."
        )
    return data


def _damaged(path: Path, places: Sequence[Place], records: Sequence[Record]) -> str:
    """Which pictures of a shard it is that differ, in words."""
    names = []
    for place, record in zip(places, records, strict=True):
        if place.shard == path.name:
            try:
                _read(path, place, record)
            except ArtifactError:
                names.append(record.file_name)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f": damaged are {', '.join(map(repr, names[:3]))}{more}" if names else ", though no picture does"


def _read_index(folder: Path) -> Index:
    values = json.loads((folder / "index.json").read_text())
    if (found := values.get("format")) != FORMAT:
        remedy = "install the newer one" if isinstance(found, int) and found > FORMAT else "extract again"
        raise ArtifactError(f"{folder}: shards of format {found!r:.80}, this scanml reads {FORMAT}; {remedy}.")
    index = from_json(Index, values, where="index.json")
    if index.checksum != index.expected_checksum():
        raise ArtifactError(f"{folder / 'index.json'}: differs from its checksum. Extract again.")
    for name in index.files:
        if Path(name).name != name:
            raise ArtifactError(
                f"{folder / 'index.json'}: the file name {name!r} leads out of its folder. Extract again."
            )
    return index


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
