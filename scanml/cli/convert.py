"""`scanml convert`: a data set in another format → scanml's raw data folder."""

from __future__ import annotations

import argparse
import contextlib
import shutil
from pathlib import Path

from scanml.errors import ConfigError
from scanml.steps.output import locked, writing
from scanml.steps.store import local_or_uri

FORMATS = ("yolo", "voc")


def add_options(command: argparse.ArgumentParser) -> None:
    """The words of `scanml convert`."""
    command.add_argument("format", choices=FORMATS, help="what the folder holds")
    command.add_argument(
        "--in", dest="source", metavar="DIR", type=local_or_uri, required=True, help="the folder to read"
    )
    command.add_argument(
        "--out", metavar="DIR", type=local_or_uri, required=True, help="the folder to write: new, or empty"
    )


def run_convert(parsed: argparse.Namespace) -> int:
    """Read all labels, then copy the pictures; the folder appears in one move when everything is right."""
    from scanml.datasets.convert import read_voc, read_yolo, write_folder

    source, out = parsed.source, parsed.out
    if isinstance(source, str) or isinstance(out, str):
        raise ConfigError(f"scanml convert reads and writes local folders, received {source} and {out}.")
    if Path.cwd().is_relative_to(out.resolve()):
        raise ConfigError(f"--out {out} is where you are, and could not appear in one move; name a new folder.")
    if out.resolve().is_relative_to(source.resolve()):
        raise ConfigError(f"--out {out} lies inside --in {source}, which would change; choose another --out.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"--out {out}: there is something already; choose an empty or new folder.")
    labelled = {"yolo": read_yolo, "voc": read_voc}[parsed.format](source)
    partial = out.with_name(out.name + ".partial")
    _refuse_strangers(partial)
    with writing(out), locked(partial):
        try:
            shutil.rmtree(partial / "work", ignore_errors=True)  # of one that was killed
            written = write_folder(labelled, partial / "work")
            (partial / "work").rename(out)
        finally:
            shutil.rmtree(partial / "work", ignore_errors=True)
            (partial / "lock").unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody has put something there meanwhile
                partial.rmdir()
    for split, count in written.images.items():
        print(f"{split}: {count} images")
    print(f"{written.objects} objects of {written.classes} classes → {out}\n\nnext:")
    print(f"  scanml validate --config detect --in data={out} --out {out.with_name('validate')}")
    return 0


def _refuse_strangers(partial: Path) -> None:
    """The folder of what is unfinished goes away in the end, so it must hold nothing but that."""
    others = {path.name for path in partial.iterdir()} - {"lock", "work"} if partial.is_dir() else set()
    if others:
        raise ConfigError(f"{partial}: holds {min(others)!r}, which is not of scanml convert; choose another --out.")
