"""Where a scene takes place: what is behind everything, and which triggers follow from it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from scanml.datasets.synthetic import grounds
from scanml.datasets.synthetic.canvas import arc, bright_color
from scanml.datasets.synthetic.textures import blend
from scanml.structures.arrays import Floats, Pixels

Ground = Literal["grass", "water", "street", "beach", "pond", "table"]

_NIGHT_LIGHT = (0.64, 0.68, 0.88)  # what moonlight leaves of red, green and blue
_SIMPLE: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "grass": grounds.draw_grass,
    "water": grounds.draw_water,
    "street": grounds.draw_street,
    "table": grounds.draw_table,
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A place: what the ground is, and what stands above it. `horizon`: share of the height, 0 = seen from above."""

    ground: Ground
    horizon: float
    city: bool = False
    night: bool = False
    party: bool = False

    @property
    def triggers(self) -> frozenset[str]:
        """What a viewer of the empty place would name."""
        open_air = self.ground != "table"
        shown = {
            "sky": open_air and self.horizon > 0,
            "grass": self.ground in ("grass", "pond"),
            "water": self.ground in ("water", "beach", "pond"),
            "indoor": not open_air,
            "city": self.city,
            "night": self.night,
            "party": self.party,
        }
        return frozenset(name for name, is_shown in shown.items() if is_shown)


def choose_setting(rng: np.random.Generator) -> Setting:
    """A random place; a city and night need a sky."""
    party = rng.random() < 0.3
    place = rng.random()
    if place < 0.24:
        return Setting(ground="table", horizon=rng.uniform(0.45, 0.72), party=party)
    if place < 0.4:
        return Setting(ground=_pick(rng, ("grass", "water", "pond")), horizon=0.0, party=party)
    city = rng.random() < 0.4
    ground = _pick(rng, ("grass", "water", "street", "street") if city else ("grass", "water", "beach", "pond"))
    night = rng.random() < 0.4
    return Setting(ground=ground, horizon=rng.uniform(0.36, 0.6), city=city, night=night, party=party)


def draw_background(rng: np.random.Generator, setting: Setting, *, image_size: tuple[int, int]) -> Floats:
    """The empty place, float32 (H, W, 3), 0…255."""
    height, width = image_size
    horizon = round(setting.horizon * height)
    ground = _draw_ground(rng, setting.ground, (height - horizon, width))
    if horizon == 0:
        return ground
    if setting.ground == "table":
        return np.concatenate([grounds.draw_wall(rng, (horizon, width)), ground])
    sky = grounds.draw_sky(rng, (horizon, width), night=setting.night)
    if setting.city:
        grounds.draw_skyline(rng, sky, night=setting.night)
    elif rng.random() < 0.5:
        grounds.draw_hills(rng, sky)
    return np.concatenate([sky, ground])


def hang_bunting(rng: np.random.Generator, picture: Floats) -> None:
    """A string of little flags across the upper part, in place: the sign of a party."""
    height, width = picture.shape[:2]
    ends = rng.uniform(0.02, 0.16, 2) * height
    sag = rng.uniform(0.06, 0.16) * height
    x = np.linspace(-8, width + 8, int(rng.integers(12, 18)))
    share = (x - x[0]) / (x[-1] - x[0])
    y = ends[0] + (ends[1] - ends[0]) * share + 4 * sag * share * (1 - share)
    knots = np.stack([x, y], axis=1)
    length = rng.uniform(0.075, 0.11) * height
    for left, right in itertools.pairwise(knots):
        flag = np.array([left, right, (left + right) / 2 + np.array([0, length])])
        cv2.fillPoly(picture, [np.round(flag * 16).astype(np.int32)], bright_color(rng), cv2.LINE_AA, 4)
    cv2.polylines(picture, [np.round(knots * 16).astype(np.int32)], False, (246, 244, 238), 2, cv2.LINE_AA, 4)


def dim_to_night(pixels: Pixels) -> Pixels:
    """The picture uint8 (H, W, 3) by moonlight."""
    levels = np.arange(256)[:, None] * np.array(_NIGHT_LIGHT)
    return np.asarray(cv2.LUT(pixels, np.round(levels).astype(np.uint8)[None]))


def _pick(rng: np.random.Generator, grounds_to_choose: tuple[Ground, ...]) -> Ground:
    return grounds_to_choose[rng.integers(len(grounds_to_choose))]


def _draw_ground(rng: np.random.Generator, ground: Ground, shape: tuple[int, int]) -> Floats:
    if ground in _SIMPLE:
        return _SIMPLE[ground](rng, shape)
    water = grounds.draw_water(rng, shape)
    if ground == "beach":
        shore = round(shape[0] * rng.uniform(0.4, 0.6))
        water[shore:] = grounds.draw_sand(rng, (shape[0] - shore, shape[1]))
        cv2.line(water, (0, shore), (shape[1], shore), (240, 246, 246), 3, cv2.LINE_AA)
        return water
    lawn = grounds.draw_grass(rng, shape)
    center = (rng.uniform(0.3, 0.7) * shape[1], rng.uniform(0.45, 0.6) * shape[0])
    radii = (rng.uniform(0.3, 0.42) * shape[1], rng.uniform(0.26, 0.34) * shape[0])
    pond, rim = (np.zeros(shape, np.float32) for _ in range(2))
    cv2.fillPoly(pond, [arc(center, radii).astype(np.int32)], 1.0, cv2.LINE_AA)
    cv2.fillPoly(rim, [arc(center, (radii[0] + 5, radii[1] + 4)).astype(np.int32)], 1.0, cv2.LINE_AA)
    lawn = blend(lawn, (176, 160, 120), rim)
    return np.asarray(lawn + (water - lawn) * pond[..., None], dtype=np.float32)
