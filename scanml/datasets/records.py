"""One labelled picture as a value (`Record`), and a split of them that reads pictures when asked (`Split`)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scanml.config import fingerprint
from scanml.datasets.images import decode_image, pixel_hash
from scanml.datasets.scan import Scanned
from scanml.errors import DataError
from scanml.structures.arrays import Bools
from scanml.structures.boxes import Boxes
from scanml.structures.display import html_table
from scanml.structures.examples import DetectionExample, LabelSpace, SceneExample
from scanml.structures.frame import Frame


@dataclass(frozen=True)
class Record:
    """A picture's labels, upright: `size` (height, width), boxes xyxy in pixels, triggers by name."""

    file_name: str
    image_id: int
    pixel_hash: str
    size: tuple[int, int]
    xyxy: tuple[tuple[float, ...], ...] = ()
    labels: tuple[int, ...] = ()
    crowd: tuple[bool, ...] = ()
    areas: tuple[float, ...] = ()  # square pixels, of masks where those are known
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @classmethod
    def of(cls, scanned: Scanned) -> Record:
        """The record of a picture that `scan` found sound."""
        raw = scanned.raw
        return cls(
            file_name=raw.file_name,
            image_id=raw.image_id,
            pixel_hash=scanned.pixel_hash,
            size=scanned.size,
            xyxy=tuple(tuple(float(v) for v in box) for box in scanned.xyxy),
            labels=raw.labels,
            crowd=raw.crowd,
            areas=raw.areas,
            present=tuple(sorted(raw.present)),
            absent=tuple(sorted(raw.absent)),
        )


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a data set: records in memory, pictures read one by one through `read`(index) → encoded bytes."""

    name: str
    labels: LabelSpace
    records: Sequence[Record]
    read: Callable[[int], bytes]
    read_is_checked: bool = False  # bytes are as shards keep them: equal to their checksum, upright in every decoder

    @property
    def image_hashes(self) -> Sequence[str]:
        """A hash of every picture's upright pixels, in order."""
        return [record.pixel_hash for record in self.records]

    @property
    def image_ids(self) -> Sequence[int]:
        """COCO's image ids, in order."""
        return [record.image_id for record in self.records]

    @property
    def fingerprint(self) -> str:
        """Changes with any pixel, label or name."""
        rows = [
            [r.pixel_hash, r.image_id, r.xyxy, r.labels, r.crowd, r.areas, r.present, r.absent] for r in self.records
        ]
        return fingerprint([self.labels, json.dumps(rows)])  # as one string: there may be millions of boxes

    def frame(self, index: int) -> Frame:
        """The picture of record `index`, checked against its pixel hash."""
        record = self.records[index]
        allowed = math.ceil(record.size[0] * record.size[1] / 1e6)  # megapixels: as large as it was when recorded
        where = f"{self.name}[{index}] {record.file_name}"
        pixels = decode_image(self.read(index), where=where, max_megapixels=allowed)
        if pixel_hash(pixels) != record.pixel_hash:
            raise DataError(
                f"{where}: its pixels are not those that were recorded; the file changed since. "
                "Load the data, or extract, again."
            )
        return Frame(pixels, record.file_name)

    def detection(self, index: int) -> DetectionExample:
        """Picture `index` with its boxes."""
        record = self.records[index]
        frame = self.frame(index)
        boxes = Boxes(np.asarray(record.xyxy, np.float32).reshape(-1, 4), frame.size)
        labels, crowd = np.asarray(record.labels, np.int32), np.asarray(record.crowd, bool)
        return DetectionExample(frame, boxes, labels, crowd, np.asarray(record.areas) if record.areas else None)

    def scene(self, index: int) -> SceneExample:
        """Picture `index` with its triggers."""
        present, known = self.trigger_arrays(index)
        return SceneExample(self.frame(index), present, known)

    def trigger_arrays(self, index: int) -> tuple[Bools, Bools]:
        """(present, known) bool (T,) of record `index`."""
        record, names = self.records[index], self.labels.trigger_names
        present = np.array([name in record.present for name in names], bool)
        return present, present | np.array([name in record.absent for name in names], bool)

    def first(self, count: int) -> Split:
        """The first `count` records; all if `count` is 0."""
        return self if count == 0 else replace(self, records=self.records[:count])

    def __len__(self) -> int:
        return len(self.records)

    def _repr_html_(self) -> str:
        return _table([self])


@dataclass(frozen=True, eq=False)
class DataSet:
    """The three splits of one data set; near-duplicates never cross them."""

    train: Split
    validation: Split
    test: Split

    def __iter__(self) -> Iterator[Split]:
        return iter((self.train, self.validation, self.test))

    def _repr_html_(self) -> str:
        return _table(self)


def data_set(splits: Mapping[str, Split]) -> DataSet:
    """The three splits by name; an empty one is a `DataError`."""
    for name in ("train", "validation", "test"):
        if name not in splits or not len(splits[name]):
            raise DataError(f"the {name} split is empty; add pictures, or raise data.{name}_fraction where it is cut.")
    return DataSet(splits["train"], splits["validation"], splits["test"])


def _table(splits: Iterable[Split]) -> str:
    rows = [
        (s.name, len(s), sum(len(r.labels) for r in s.records), sum(len(r.present) + len(r.absent) for r in s.records))
        for s in splits
    ]
    return html_table(["split", "images", "boxes", "trigger labels"], rows)
