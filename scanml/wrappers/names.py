"""Names that clusters take."""

from __future__ import annotations

import re

from scanml.errors import ConfigError


def kubernetes_name(name: str, *, max_length: int) -> str:
    """`name` as a DNS label (RFC 1123): lower-case ASCII letters, digits and hyphens, a letter or digit at both ends.

    >>> kubernetes_name("Scan_v2.1", max_length=52)
    'scan-v2-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:max_length].rstrip("-") or "scanml"


def check_image(image: str) -> None:
    """Refuse what cannot be the name of a container image; whether it is there only the cluster knows.

    Raises:
        ConfigError: an empty word, or one with spaces or other signs.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w./:@-]*", image, re.ASCII):
        raise ConfigError(f"--image: expected REPOSITORY/NAME:TAG, received {image!r}; the Dockerfile builds one.")
