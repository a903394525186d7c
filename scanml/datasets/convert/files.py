"""Reading files that strangers wrote: inside their folder, of bounded size, with the file named when that fails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from scanml.datasets.images import SUFFIXES
from scanml.datasets.plain_file import read_plain
from scanml.errors import DataError

# What labelling tools take as pictures and the exported graph cannot decode.
_OTHER_PICTURES = (".avif", ".bmp", ".gif", ".heic", ".jp2", ".mpo", ".tif", ".tiff", ".webp")
_MAX_SHOWN = 20  # a screenful


def inside(root: Path, path: Path) -> Path:
    """The path of an existing file or folder relative to `root`, without `..`.

    Raises:
        DataError: it is not there, or lies outside of `root`, directly or by a symbolic link.
    """
    home, tidy = (Path(os.path.normpath(place.absolute())) for place in (root, path))
    try:
        real = tidy.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle; ValueError: a null byte
        raise DataError(f"{path}: there is no such file or folder; mend the path or put it there.") from error
    if not (tidy.is_relative_to(home) and real.is_relative_to(home.resolve())):
        raise DataError(f"{path}: leads out of {root}; move the files into that folder and give relative paths.")
    return tidy.relative_to(home)


def read_bounded(root: Path, path: Path, *, max_megabytes: int) -> bytes:
    """The bytes of a file inside `root`.

    Raises:
        DataError: missing, outside, not a plain file, unreadable or larger than `max_megabytes`.
    """
    inside(root, path)
    return read_plain(path, max_megabytes=max_megabytes)


def read_lines(root: Path, path: Path, *, max_megabytes: int) -> list[tuple[int, str]]:
    """(number from 1, text) of the lines of a UTF-8 file that are not blank; see `read_bounded`."""
    try:
        text = read_bounded(root, path, max_megabytes=max_megabytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text, received {error.object[:8]!r}…; write it again.") from error
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def to_number(text: str) -> float:
    """The number that `text` writes with ASCII digits, perhaps not a finite one; a `ValueError` if it is none."""
    if not text.isascii() or "_" in text:  # as Python's own float() would take it
        raise ValueError(text)
    return float(text)


def is_picture(path: Path) -> bool:
    """True for a JPEG or PNG, by name; other files are none of ours.

    Raises:
        DataError: a picture of a kind that scanml does not read.
    """
    if path.suffix.lower() in _OTHER_PICTURES:
        raise DataError(f"{path}: expected a JPEG or PNG picture; convert it and keep its name.")
    return path.suffix.lower() in SUFFIXES


def refuse_mistakes(mistakes: Sequence[str]) -> None:
    """Raise a `DataError` with the first mistakes, one a line, if there are any."""
    if mistakes:
        lines = "\n".join(f"  {mistake}" for mistake in mistakes[:_MAX_SHOWN])
        more = f"\n  … and {len(mistakes) - _MAX_SHOWN} more" if len(mistakes) > _MAX_SHOWN else ""
        raise DataError(f"the data has {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}:\n{lines}{more}")
