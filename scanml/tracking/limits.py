"""What MLflow accepts: names and values of params, tags and metrics, brought within its limits.

Source of all numbers: mlflow/utils/validation.py, MLflow 3.17, in characters.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping

MAX_KEY, MAX_PARAM, MAX_TAG, MAX_DIGEST, MAX_DATASET_NAME = 250, 6000, 8000, 36, 500


def flatten(values: Mapping[str, object], *, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested mappings (JSON values) as dotted names; an empty mapping stays, so that nothing vanishes.

    >>> dict(flatten({"train": {"steps": 7, "sizes": [1, 2]}}))
    {'train.steps': 7, 'train.sizes': [1, 2]}
    """
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, prefix=f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def fit_key(name: str) -> str:
    """The name with `_` for every character that MLflow refuses, and at most 250 characters.

    >>> fit_key("AP@.5")
    'AP_.5'
    """
    kept = re.sub(r"[^\w.\- :/]", "_", name)
    if posixpath.normpath(kept) != kept or kept.startswith((".", "/")):  # MLflow wants names that are unique as paths
        kept = kept.replace("/", "_").lstrip(".") or "_"
    return kept[:MAX_KEY]


def fit_text(value: object, *, limit: int) -> str:
    """Text as it is, other values as JSON, cut at `limit` with an ellipsis."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def fit_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with names and values within MLflow's limits."""
    return {fit_key(name): fit_text(value, limit=MAX_TAG) for name, value in tags.items()}
