"""The panel beside a frame: its triggers with their probabilities, its lenses with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scanml.evaluation.canvas import Color, fit_text, ink_on, load_font
from scanml.structures import RankedLens, Triggers
from scanml.structures.arrays import Pixels

if TYPE_CHECKING:
    from PIL import Image

_NIGHT, _RAISED, _RAIL = (17, 19, 25), (30, 34, 44), (44, 49, 61)  # dark on a light and on a dark page alike
_BRIGHT, _QUIET = (240, 243, 249), (146, 154, 172)
_BAR = (94, 173, 255)
_REASONS: dict[str, Color] = {
    "marker": (255, 214, 10),
    "object": (94, 173, 255),
    "trigger": (88, 214, 141),
    "popularity": (146, 154, 172),
}

# Sizes in units: one unit is a pixel beside a frame 480 pixels high.
_WIDTH, _MARGIN, _TITLE, _TRIGGER, _LENS, _SPACE = 292, 22, 27, 33, 40, 12
_SHOWN = 5  # triggers, and lenses: more are noise at this size
_SHARP = 2  # drawn twice as large and scaled down: smooth bars and corners


def draw_panel(
    triggers: Triggers,
    ranked: Sequence[RankedLens],
    lens_names: Mapping[str, str],
    *,
    unit: float,
    min_height: int,
) -> Pixels:
    """The five most probable triggers and the five best lenses, uint8 (H, W, 3), at least `min_height` pixels high."""
    shown = list(triggers.by_name().items())[:_SHOWN]
    lenses = sorted(ranked, key=lambda lens: lens.rank)[:_SHOWN]
    rows = 2 * _TITLE + max(1, len(shown)) * _TRIGGER + _SPACE + max(1, len(lenses)) * _LENS
    pen = _Pen(unit, height=max(min_height, round(rows * unit)))
    pen.title("TRIGGERS")
    for name, probability in shown:
        pen.trigger(name, probability)
    if not shown:
        pen.nothing("none known to this model", height=_TRIGGER)
    pen.top += _SPACE
    pen.title("LENSES")
    for lens in lenses:
        pen.lens(lens.rank, lens_names.get(lens.lens_id, lens.lens_id), lens.reason)
    if not lenses:
        pen.nothing("none ranked", height=_LENS)
    return pen.finish()


def mount(frame: Pixels, panel: Pixels, *, unit: float) -> Pixels:
    """`frame` with round corners and `panel` beside it, both (H, W, 3), on one dark ground."""
    from PIL import Image, ImageDraw

    margin = round(_MARGIN * unit)
    height = max(frame.shape[0], panel.shape[0])
    width = frame.shape[1] + panel.shape[1] + 3 * margin
    ground = Image.new("RGB", (width, height + 2 * margin), _NIGHT)
    size = (frame.shape[1], frame.shape[0])
    mask = Image.new("L", (size[0] * _SHARP, size[1] * _SHARP), 0)
    corner = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(corner, round(10 * unit * _SHARP), fill=255)
    mask = mask.resize(size, Image.Resampling.BOX)
    ground.paste(Image.fromarray(frame), (margin, margin + (height - size[1]) // 2), mask)
    ground.paste(Image.fromarray(panel), (size[0] + 2 * margin, margin + (height - panel.shape[0]) // 2))
    return np.array(ground)


@dataclass(frozen=True)
class _Look:
    """How a word looks: its size in units, its color, its weight."""

    size: float
    color: Color
    bold: bool = False


class _Pen:
    """Writes a panel from top to bottom; positions and sizes are in units."""

    def __init__(self, unit: float, *, height: int) -> None:
        from PIL import Image, ImageDraw

        self.top = 0.0
        self._scale = unit * _SHARP
        self._size = (round(_WIDTH * unit), height)
        self._image: Image.Image = Image.new("RGB", (self._size[0] * _SHARP, height * _SHARP), _NIGHT)
        self._draw = ImageDraw.Draw(self._image)

    def title(self, text: str) -> None:
        self._write(text, (0, 9), _Look(10.5, _QUIET, bold=True))
        self.top += _TITLE

    def trigger(self, name: str, probability: float) -> None:
        likely = probability >= 0.5  # more likely there than not
        look = _Look(13.5, _BRIGHT if likely else _QUIET)
        self._write(name, (0, 7), look, width=_WIDTH - 56)
        self._write(_percent(probability), (_WIDTH, 7), look, anchor="rm")
        self._bar((0, 19), width=_WIDTH, height=5, color=_RAIL)
        if probability * _WIDTH >= 1:  # less is not even a dot
            self._bar((0, 19), width=max(5, probability * _WIDTH), height=5, color=_BAR if likely else _QUIET)
        self.top += _TRIGGER

    def lens(self, rank: int, name: str, reason: str) -> None:
        best, color = rank == 1, _REASONS.get(reason, _QUIET)
        word = _Look(10.5, ink_on(color), bold=True)
        pill = self._length(reason, word) + 16
        self._bar((0, 0), width=_WIDTH, height=_LENS - 6, color=_RAISED, radius=8)
        self._write(str(rank), (18, 17), _Look(13, _BRIGHT if best else _QUIET, bold=True), anchor="mm")
        self._write(name, (36, 17), _Look(13.5, _BRIGHT, bold=best), width=_WIDTH - 36 - pill - 18)
        self._bar((_WIDTH - pill - 9, 8), width=pill, height=18, color=color)
        self._write(reason, (_WIDTH - 9 - pill / 2, 16.6), word, anchor="mm")
        self.top += _LENS

    def nothing(self, text: str, *, height: float) -> None:
        self._write(text, (0, 9), _Look(13, _QUIET))
        self.top += height

    def finish(self) -> Pixels:
        from PIL import Image

        return np.array(self._image.resize(self._size, Image.Resampling.BOX))

    def _length(self, text: str, look: _Look) -> float:
        return float(load_font(round(look.size * self._scale), bold=look.bold).getlength(text)) / self._scale

    def _write(
        self, text: str, at: tuple[float, float], look: _Look, *, anchor: str = "lm", width: float = _WIDTH
    ) -> None:
        font = load_font(round(look.size * self._scale), bold=look.bold)
        place = (at[0] * self._scale, (self.top + at[1]) * self._scale)
        fitted = fit_text(text, font, width=width * self._scale)
        self._draw.text(place, fitted, font=font, fill=look.color, anchor=anchor)

    def _bar(self, at: tuple[float, float], *, width: float, height: float, color: Color, radius: float = 99) -> None:
        left, top = at[0], self.top + at[1]
        box = [round(side * self._scale) for side in (left, top, left + width, top + height)]
        radius = min(radius, width / 2, height / 2) * self._scale
        self._draw.rounded_rectangle((box[0], box[1], box[2] - 1, box[3] - 1), radius, fill=color)


def _percent(probability: float) -> str:
    if 0.005 <= probability < 0.995:
        return f"{100 * probability:.0f} %"
    return "< 1 %" if probability < 0.5 else "> 99 %"
