"""Files written whole or not at all, and files known by what is in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_MAY_BE_LINKED = ("images", "markers")  # folders of raw data


def write_whole(path: Path, data: str | bytes) -> None:
    """Put `data` in the place of the file at `path`: a reader finds the old one or the new one, also after a power cut.

    Raises:
        OSError: it cannot be written; nothing has changed.
    """
    fresh = path.with_name(f".{path.name[:60]}.new")  # hidden: no product; short: names have at most 255 bytes
    try:
        with fresh.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def fingerprint_files(path: Path, *, without: tuple[str, ...] = ()) -> str:
    """16 hex digits of SHA-256 over the names and contents of all files below `path`, or of the one file.

    Top-level names in `without` and hidden files do not count.
    """
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else files_below(path):
        name = file.relative_to(path).as_posix() if file != path else ""
        if name in without or any(part.startswith(".") for part in Path(name).parts):
            continue
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        digest.update(os.fsencode(name) + f"\0{content}\n".encode())
    return digest.hexdigest()[:16]


def files_below(folder: Path) -> list[Path]:
    """All files; of linked folders only those in `folder`/images and `folder`/markers, which are often kept apart.

    Whatever else a link leads to may be a whole disk, and nobody reads it.
    """
    linked = [place for name in _MAY_BE_LINKED if (place := folder / name).is_symlink() and place.is_dir()]
    return sorted(
        path
        for top in (folder, *linked)
        for place, _, names in os.walk(top)
        for name in names
        if (path := Path(place) / name).is_file()
    )
