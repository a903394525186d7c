"""How values draw themselves in a notebook: tables, in which names from data are shown and never run, and pictures."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from scanml.structures.arrays import Pixels

MAX_ROWS = 40  # of a table: more is no longer read
MAX_SIDE = 1024  # pixels of a picture: a photo of 12 megapixels would make a notebook of 30 MB


def html_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """A table of the first 40 rows; every cell is escaped, numbers have three decimals, None is a dash.

    >>> html_table(["name", "value"], [["<b>", 0.5]])
    '<table><tr><th>name<th>value<tr><td>&lt;b&gt;<td>0.500</table>'
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in line) for line in lines[:MAX_ROWS])
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    rest = f"<tr><td colspan={len(header)}>… and {len(lines) - MAX_ROWS:,} more" if len(lines) > MAX_ROWS else ""
    return f"<table>{title}<tr>{''.join(f'<th>{html.escape(name)}' for name in header)}{body}{rest}</table>"


def png(pixels: Pixels) -> bytes | None:
    """`pixels` (H, W, 3) as PNG bytes, no side above 1,024 pixels; None where there are none: text is shown instead."""
    import cv2

    if not pixels.size:
        return None
    scale = min(1.0, MAX_SIDE / max(pixels.shape[:2]))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", pixels[..., ::-1])[1])


def _text(cell: object) -> str:
    if cell is None:
        return "–"
    return f"{cell:.3f}" if isinstance(cell, float) else html.escape(str(cell))
