"""Colors and lettering for pictures: what `gallery` and `panel` draw with."""

from __future__ import annotations

import colorsys
import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Color = tuple[int, int, int]  # RGB, 0…255
Place = tuple[int, int, int, int]  # left, top, right, bottom in pixels

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2  # steps by it never come near an earlier hue (Weyl's low-discrepancy sequence)
_TINTS = ((0.62, 0.88), (0.74, 0.75), (0.52, 0.80))  # (lightness, saturation): three rounds before tones repeat
_OVERSAMPLING = 3  # chips are drawn three times as large and scaled down: smooth corners, even letters


def class_color(index: int) -> Color:
    """The color of class `index`: neighbors differ clearly, and it never changes for a class list that grows.

    >>> class_color(0) == class_color(0) != class_color(1)
    True
    """
    lightness, saturation = _TINTS[index // 8 % len(_TINTS)]
    red, green, blue = colorsys.hls_to_rgb((0.58 + index * _GOLDEN_RATIO) % 1.0, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def ink_on(color: Color) -> Color:
    """Near-black or white, whichever is read better on `color` (relative luminance, WCAG 2.1)."""
    linear = [(value / 255) ** 2.2 for value in color]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (16, 18, 24) if luminance > 0.18 else (255, 255, 255)  # 0.18: equal contrast with black and with white


@functools.lru_cache(maxsize=32)
def load_font(size_px: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, the font that comes with matplotlib, `size_px` pixels high."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), max(1, size_px))


def fit_text(text: str, font: ImageFont.FreeTypeFont, *, width: float) -> str:
    """`text` on one line without unprintable characters, cut with an ellipsis to `width` pixels; may be empty."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text[:200]).strip()
    if font.getlength(clean) <= width:
        return clean
    while clean and font.getlength(clean + "…") > width:
        clean = clean[:-1]
    return clean + "…" if clean else ""


def make_chip(text: str, *, color: Color, size_px: int, max_width: int) -> Image.Image | None:
    """A small filled label (RGBA) with text in a color that is legible on it; None where not one letter fits."""
    from PIL import Image, ImageDraw

    scale = _OVERSAMPLING
    font = load_font(size_px * scale, bold=True)
    margin = round(0.45 * size_px)
    text = fit_text(text, font, width=(max_width - 2 * margin) * scale)
    if not text.rstrip("…"):
        return None
    width, height = math.ceil(font.getlength(text) / scale) + 2 * margin, round(1.55 * size_px)
    chip = Image.new("RGBA", (width * scale, height * scale), (*color, 0))
    draw = ImageDraw.Draw(chip)
    radius = round(0.3 * size_px * scale)
    draw.rounded_rectangle((0, 0, width * scale - 1, height * scale - 1), radius, fill=(*color, 255))
    draw.text((margin * scale, height * scale / 2), text, font=font, fill=(*ink_on(color), 255), anchor="lm")
    return chip.resize((width, height), Image.Resampling.BOX)


def place_chip(box: Place, size: tuple[int, int], *, taken: list[Place], canvas: tuple[int, int]) -> Place:
    """Where a chip of `size` (width, height) goes for `box`: above it, inside, or below, where no chip is yet.

    `canvas` is (width, height). If every place is taken, the first one that lies on the canvas.
    """
    left = int(np.clip(box[0], 0, max(canvas[0] - size[0], 0)))
    right_aligned = int(np.clip(box[2] - size[0], 0, max(canvas[0] - size[0], 0)))
    tops = (box[1] - size[1], box[1], box[3], box[3] - size[1])
    spots = [(x, y, x + size[0], y + size[1]) for x in (left, right_aligned) for y in tops]
    spots = [spot for spot in spots if spot[1] >= 0 and spot[3] <= canvas[1]] or [(left, 0, left + size[0], size[1])]
    free = [spot for spot in spots if not any(_overlap(spot, other) for other in taken)]
    return (free or spots)[0]


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
