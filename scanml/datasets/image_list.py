"""A COCO file's list of images, without its annotations: what a prediction is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scanml.datasets.json_file import read_json, unsafe_name
from scanml.errors import DataError


def read_image_list(path: Path) -> list[tuple[int, str]]:
    """(image id, file name) of every image in a COCO file, in file order.

    Raises:
        DataError: no JSON object with a list `images`, or a record without an id of its own or a safe file name.
    """
    values = read_json(path)
    images = values.get("images") if isinstance(values, Mapping) else None
    if not isinstance(images, list):
        raise DataError(f'{path}: expected {{"images": [{{"id", "file_name"}}, …]}}, as in COCO; found no such list.')
    listed: dict[int, str] = {}
    for index, image in enumerate(images):
        where = f"{path}: images[{index}]"
        identity, name = (image.get("id"), image.get("file_name")) if isinstance(image, Mapping) else (None, None)
        if not isinstance(identity, int) or isinstance(identity, bool) or identity in listed:
            raise DataError(f"{where}: expected an integer id of its own, received {identity!r}.")
        problem = unsafe_name(name)
        if problem:
            raise DataError(f"{where}: {problem}")
        listed[identity] = str(name)
    return list(listed.items())
