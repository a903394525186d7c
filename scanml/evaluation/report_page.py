"""One self-contained HTML page: no network, no script, no other file; light and dark, on screen and on paper."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from scanml.errors import ArtifactError, DataError
from scanml.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | int | float | None
Tone = Literal["good", "bad", "caution", "plain"]

_DOTS_PER_INCH = 170  # sharp on screens with two pixels per point, still small
_CONTENTS_FROM = 3  # fewer headings need no list of contents

# The policy makes browsers refuse whatever a hostile name could smuggle in; `data:` is where the pictures are.
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
"""

_STYLE = """<style>
:root { --ground: #fbfbfa; --card: #fff; --ink: #1c1f26; --quiet: #6b7280; --line: #e6e7eb; --lead: #2563eb;
  --good: #12733b; --good-ground: #e2f5e9; --bad: #b3261e; --bad-ground: #fde8e6;
  --caution: #8a5300; --caution-ground: #fdf0d5; --plain-ground: #eef0f4; }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #121419; --card: #191c23; --ink: #e6e8ee;
  --quiet: #98a0b0; --line: #2a2f3a; --lead: #7fb0ff; --good: #7ee2a4; --good-ground: #143524; --bad: #ffb1aa;
  --bad-ground: #45191a; --caution: #ffd486; --caution-ground: #3d2e10; --plain-ground: #262b36; }
  .plot img { filter: invert(0.92) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.6; font-size: 16px;
  font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  -webkit-text-size-adjust: 100%; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 3.5rem 1.5rem 5rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0; }
h2 { font-size: 1.3rem; letter-spacing: -0.01em; margin: 3.2rem 0 0.8rem; }
h2[id] { scroll-margin-top: 1rem; }
.subtitle { color: var(--quiet); font-size: 1.05rem; margin: 0.5rem 0 1.6rem; }
p { max-width: 44rem; margin: 0.8rem 0; }
nav { display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; padding: 0.7rem 0; margin: 1.4rem 0 1.5rem;
  border-block: 1px solid var(--line); font-size: 0.9rem; }
nav a { color: var(--lead); text-decoration: none; }
nav a:hover { text-decoration: underline; }
.badge { display: inline-block; padding: 0.2rem 0.8rem; margin: 0 0.5rem 0.5rem 0; border-radius: 1rem;
  font-size: 0.88rem; font-weight: 600; }
.good { color: var(--good); background: var(--good-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.caution { color: var(--caution); background: var(--caution-ground); }
.plain { color: var(--quiet); background: var(--plain-ground); }
.numbers { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0 1.4rem; }
.numbers div { flex: 1 1 9rem; padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; }
.numbers b { display: block; font-size: 1.9rem; line-height: 1.25; letter-spacing: -0.02em; font-weight: 650; }
.numbers span { display: block; color: var(--quiet); font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: 1.2rem 0 1.8rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
caption, figcaption { color: var(--quiet); font-size: 0.88rem; text-align: left; line-height: 1.45; }
caption { padding-bottom: 0.5rem; }
th, td { padding: 0.45rem 0.9rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: normal; }
th { color: var(--quiet); font-weight: 600; font-size: 0.82rem; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0.2rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1.4rem 0 2rem; }
figcaption { margin-top: 0.6rem; max-width: 44rem; }
img { display: block; max-width: 100%; height: auto; border-radius: 8px; }
.plot { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.2rem; }
.plot img { border-radius: 0; margin: 0 auto; }
.gallery { display: grid; gap: 1.4rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.gallery { margin: 1.4rem 0 2rem; }
.gallery figure { margin: 0; }
.gallery img { width: 100%; }
@media print { body { font-size: 10.5pt; background: #fff; }
  main { max-width: none; padding: 0; } nav { display: none; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; } .scroll { overflow: visible; }
  .badge { border: 1px solid currentColor; } }
</style>
"""


class Page:
    """A page that is written from top to bottom. Every text given is shown as it is, never read as HTML.

    >>> page = Page("Detector", "test set of 128 images")
    >>> page.table(["class", "AP"], [["<cup>", 0.91]])
    >>> "&lt;cup&gt;" in page.render()
    True
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self._title = title
        self._subtitle = subtitle
        self._headings: list[str] = []
        self._body: list[str] = []

    def heading(self, text: str) -> None:
        """Begins a section; three or more are listed at the top."""
        self._headings.append(text)
        self._body.append(f'<h2 id="section-{len(self._headings)}">{_escape(text)}</h2>')

    def text(self, text: str) -> None:
        """Prose; an empty line begins a new paragraph."""
        self._body += [f"<p>{_escape(paragraph.strip())}</p>" for paragraph in text.split("\n\n") if paragraph.strip()]

    def badge(self, text: str, *, tone: Tone = "plain") -> None:
        """A verdict or a fact in a word or two; badges that follow each other stand in one line."""
        self._body.append(f'<span class="badge {_escape(tone)}">{_escape(text)}</span>')

    def numbers(self, items: Iterable[tuple[str, str, str]]) -> None:
        """Numbers to be seen first: what each is, the number, and a word below it, such as its interval."""
        cards = (
            f"<div><span>{_escape(name)}</span><b>{_escape(number)}</b><span>{_escape(below)}</span></div>"
            for name, number, below in items
        )
        self._body.append(f'<div class="numbers">{"".join(cards)}</div>')

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Cell]], *, caption: str = "") -> None:
        """A table; numbers are aligned right, floats have three decimals, None and NaN are a dash.

        Raises:
            DataError: a row with more or fewer cells than there are headers.
        """
        listed = [list(row) for row in rows]
        for i, row in enumerate(listed):
            if len(row) != len(headers):
                raise DataError(f"table row {i} must have {len(headers)} cells, received {len(row)}.")
        numeric = [all(not isinstance(row[i], str) for row in listed) and bool(listed) for i in range(len(headers))]
        classes = [' class="number"' if is_number else "" for is_number in numeric]
        heads = "".join(f"<th{kind}>{_escape(name)}</th>" for name, kind in zip(headers, classes, strict=True))
        cells = ["".join(f"<td{kind}>{_cell(v)}</td>" for v, kind in zip(row, classes, strict=True)) for row in listed]
        title = f"<caption>{_escape(caption)}</caption>" if caption else ""
        lines = "\n".join(f"<tr>{row}</tr>" for row in cells)
        table = f"<table>{title}<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>"
        self._body.append(f'<div class="scroll">{table}</div>')

    def links(self, items: Iterable[tuple[str, str]]) -> None:
        """(text, path) pairs in one line; paths are relative to the page, so that a moved folder keeps its links."""
        links = (f'<a href="{_escape(quote(path))}">{_escape(text)}</a>' for text, path in items)
        self._body.append(f"<nav>{''.join(links)}</nav>")

    def figure(self, picture: Figure | bytes, *, caption: str = "") -> None:
        """A Matplotlib figure, whose inks follow light and dark, or the bytes of a PNG or JPEG, shown as they are."""
        if isinstance(picture, bytes):
            self._body.append(_figure(picture, caption))
            return
        width = round(picture.get_figwidth() * 100)  # CSS pixels, as Figure's own dpi of 100 says
        self._body.append(_figure(_figure_png(picture), caption, kind="plot", width=width))

    def gallery(self, pictures: Iterable[tuple[bytes, str]]) -> None:
        """PNG or JPEG bytes with captions, side by side as the width allows."""
        figures = "\n".join(_figure(picture, caption) for picture, caption in pictures)
        self._body.append(f'<div class="gallery">\n{figures}\n</div>')

    def render(self) -> str:
        """The whole page as HTML."""
        subtitle = f'<p class="subtitle">{_escape(self._subtitle)}</p>\n' if self._subtitle else ""
        contents = ""
        if len(self._headings) >= _CONTENTS_FROM:
            links = (f'<a href="#section-{i}">{_escape(text)}</a>' for i, text in enumerate(self._headings, start=1))
            contents = f"<nav>{''.join(links)}</nav>\n"
        title = _escape(self._title)
        head = f"{_HEAD}<title>{title}</title>\n{_STYLE}</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
        body = "\n".join(self._body)
        return f"{head}{subtitle}{contents}{body}\n</main>\n</body>\n</html>\n"

    def write(self, path: Path) -> None:
        """Writes the page to `path` in one move: a reader finds the old page or the new one, never half of one.

        Raises:
            ArtifactError: the folder does not exist or cannot be written.
        """
        try:
            write_whole(path, self.render())
        except OSError as error:
            raise ArtifactError(
                f"{path}: the page cannot be written ({error.strerror}); choose an existing, writable folder."
            ) from error


def _figure(picture: bytes, caption: str, *, kind: str = "picture", width: int | None = None) -> str:
    size = f' width="{width}"' if width else ""
    source = f"data:image/{_format(picture)};base64,{base64.b64encode(picture).decode()}"
    below = f"<figcaption>{_escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="{kind}"><img src="{source}" alt="{_escape(caption)}"{size}>{below}</figure>'


def _figure_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, transparent=True, metadata={"Software": None})
    return buffer.getvalue()


def _format(picture: bytes) -> str:
    for kind, signature in (("png", b"\x89PNG\r\n\x1a\n"), ("jpeg", b"\xff\xd8\xff")):
        if picture.startswith(signature):
            return kind
    raise DataError(f"a picture on a page must be PNG or JPEG bytes, received bytes that begin with {picture[:8]!r}.")


def _cell(value: Cell) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "\N{EN DASH}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _escape(str(value))


def _escape(text: str) -> str:
    """HTML that shows `text`; what HTML cannot hold (half characters of file names, control codes) becomes �."""
    whole = "".join("�" if 0xD800 <= ord(letter) < 0xE000 else letter for letter in text)
    whole = "".join(letter if letter >= " " or letter in "\n\t" else "�" for letter in whole)
    return html.escape(whole, quote=True)
