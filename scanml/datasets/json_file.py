"""A JSON file that somebody else wrote: reading it, and which of its strings may be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any, TypeGuard

from scanml.datasets.plain_file import read_plain
from scanml.errors import DataError


def read_json(
    path: Path, *, max_megabytes: int | None = None, members: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """Any JSON file, whose objects `members` makes of their (name, value) pairs; by default a dict.

    Raises:
        DataError: missing, no plain file, larger than `max_megabytes`, or with line and column where it is truncated or
            not JSON.
    """
    data = read_plain(path, max_megabytes=max_megabytes)
    try:
        return json.loads(data, object_pairs_hook=members)
    except json.JSONDecodeError as error:
        hint = "it is truncated or damaged; write it again" if error.pos else "expected JSON"
        raise DataError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}; {hint}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of thousands of digits, nested without end
        raise DataError(f"{path}: not JSON that can be read ({error}); write it again, in UTF-8.") from error


def unsafe_name(name: object) -> str | None:
    """Why a file name must not be followed, or None: it has to stay inside its folder."""
    if not is_text(name) or "\0" in name:
        return f"expected a file name, received {name!r:.200}."
    path = PureWindowsPath(name)  # knows both slashes and drives
    if path.anchor or ".." in path.parts or not path.parts:
        return f"the file name {name!r:.200} leads out of the image folder."
    return None


def is_text(value: object) -> TypeGuard[str]:
    """True for a string that is not empty and can be written as UTF-8: JSON may hold halves of characters."""
    return isinstance(value, str) and value != "" and value.encode(errors="ignore").decode() == value
