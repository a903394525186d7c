"""The patches that backgrounds are put together from: sky, skyline, hills, grass, water, street, sand, room.

Every function returns or fills float32 pictures (H, W, 3), 0…255, random in colour, pattern and detail.
"""

from __future__ import annotations

import cv2
import numpy as np

from scanml.datasets.synthetic.canvas import Color, hue_color, tinted
from scanml.datasets.synthetic.textures import blend, modulated, smoothstep, value_noise, vertical_gradient
from scanml.structures.arrays import Floats

Shape = tuple[int, int]

_DAY_SKIES: tuple[tuple[Color, Color], ...] = (
    ((64, 132, 220), (178, 216, 244)),
    ((92, 160, 232), (226, 238, 246)),
    ((88, 120, 196), (250, 190, 140)),
    ((120, 150, 190), (214, 220, 228)),
)
_NIGHT_SKIES: tuple[tuple[Color, Color], ...] = (
    ((14, 18, 56), (60, 68, 136)),
    ((30, 18, 66), (106, 66, 136)),
    ((6, 26, 58), (38, 88, 130)),
)


def draw_sky(rng: np.random.Generator, shape: Shape, *, night: bool) -> Floats:
    """A gradient with clouds; at night dark, with stars and a moon."""
    skies = _NIGHT_SKIES if night else _DAY_SKIES
    top, bottom = skies[rng.integers(len(skies))]
    sky = vertical_gradient(shape, top, bottom)
    clouds = smoothstep(value_noise(rng, shape, cells=(4, 3)), rng.uniform(0.45, 0.65), 0.95)
    if not night:
        return blend(sky, (252, 250, 250), clouds * rng.uniform(0.6, 0.95))
    sky = blend(sky, (92, 92, 140), clouds * 0.35)
    rows, columns = rng.integers(0, shape[0], 70), rng.integers(0, shape[1], 70)
    sky[rows, columns] = rng.uniform(130, 255, (70, 1))
    moon = (int(rng.integers(20, shape[1] - 20)), int(rng.integers(12, max(13, shape[0] - 30))))
    radius = int(rng.integers(8, 15))
    glow = np.zeros(shape, np.float32)
    cv2.circle(glow, moon, radius * 2, 0.5, -1, cv2.LINE_AA)
    sky = blend(sky, (170, 170, 200), np.asarray(cv2.blur(glow, (31, 31))))
    cv2.circle(sky, moon, radius, (244, 240, 214), -1, cv2.LINE_AA)
    cv2.circle(sky, (moon[0] - radius // 3, moon[1] - radius // 4), radius // 4, (214, 208, 184), -1, cv2.LINE_AA)
    return sky


def draw_hills(rng: np.random.Generator, sky: Floats) -> None:
    """One or two wooded ridges along the lower edge of a sky, in place."""
    height, width = sky.shape[:2]
    x = np.arange(width)
    for layer in range(int(rng.integers(1, 3))):
        color = hue_color(rng.uniform(0.3, 0.62), rng.uniform(0.25, 0.45), 0.62 - 0.14 * layer)
        bumps = value_noise(rng, (1, width), cells=(1, int(rng.integers(3, 7))), octaves=2)[0]
        ridge = height - 1 - bumps * height * (0.34 - 0.12 * layer) - 2
        outline = np.concatenate([np.stack([x, ridge], 1), [[width, height], [0, height]]])
        cv2.fillPoly(sky, [outline.astype(np.int32)], color, cv2.LINE_AA)


def draw_skyline(rng: np.random.Generator, sky: Floats, *, night: bool) -> None:
    """A row of houses with windows along the lower edge of a sky, in place."""
    height, width = sky.shape[:2]
    left = -int(rng.integers(0, 20))
    while left < width:
        wide, tall = int(rng.integers(26, 58)), int(height * rng.uniform(0.4, 0.88))
        color = hue_color(rng.random(), rng.uniform(0.1, 0.4), 0.3 if night else rng.uniform(0.5, 0.85))
        cv2.rectangle(sky, (left, height - tall), (left + wide, height), color, -1)
        cv2.rectangle(sky, (left + wide - 5, height - tall), (left + wide, height), tinted(color, 0.75), -1)
        _draw_windows(rng, sky, (left + 5, height - tall + 6, left + wide - 10, height - 4), night=night)
        left += wide + int(rng.integers(0, 8))


def _draw_windows(rng: np.random.Generator, sky: Floats, area: tuple[int, int, int, int], *, night: bool) -> None:
    for y in range(area[1], area[3] - 5, 11):
        for x in range(area[0], area[2], 9):
            lit = rng.random() < (0.6 if night else 0.15)
            cv2.rectangle(sky, (x, y), (x + 4, y + 6), (250, 216, 120) if lit else (62, 76, 98), -1)


def draw_grass(rng: np.random.Generator, shape: Shape) -> Floats:
    """A lawn of blades and light patches."""
    hue = rng.uniform(0.22, 0.34)
    near, far = hue_color(hue, 0.65, rng.uniform(0.4, 0.6)), hue_color(hue - 0.02, 0.55, rng.uniform(0.6, 0.75))
    lawn = modulated(vertical_gradient(shape, far, near), value_noise(rng, shape, cells=(5, 7)), 0.22)
    count = shape[0] * shape[1] // 160
    x, y = rng.integers(0, shape[1], count), rng.integers(0, shape[0], count)
    lean, tall = rng.integers(-3, 4, count), rng.integers(4, 10, count)
    blades = np.stack([np.stack([x, y], 1), np.stack([x + lean, y - tall], 1)], axis=1).astype(np.int32)
    half = count // 2
    cv2.polylines(lawn, list(blades[:half]), False, tinted(near, 0.72), 1, cv2.LINE_AA)
    cv2.polylines(lawn, list(blades[half:]), False, tinted(far, 1.12), 1, cv2.LINE_AA)
    return lawn


def draw_water(rng: np.random.Generator, shape: Shape) -> Floats:
    """Waves and glints, from far to near."""
    hue = rng.uniform(0.48, 0.6)
    far, near = hue_color(hue, 0.5, 0.78), hue_color(hue + 0.02, 0.8, rng.uniform(0.45, 0.65))
    waves = value_noise(rng, shape, cells=(max(4, shape[0] // 14), 5))
    water = modulated(vertical_gradient(shape, far, near), waves, 0.3)
    return blend(water, (232, 246, 250), smoothstep(waves, 0.72, 0.9) * np.float32(rng.uniform(0.4, 0.8)))


def draw_street(rng: np.random.Generator, shape: Shape) -> Floats:
    """Asphalt with a curb and a dashed line."""
    gray = int(rng.integers(84, 130))
    far, near = (gray + 24, gray + 22, gray + 22), (gray, gray, gray + 4)
    street = modulated(vertical_gradient(shape, far, near), value_noise(rng, shape, cells=(30, 40), octaves=2), 0.13)
    street[: max(3, shape[0] // 9)] = (186, 180, 172)
    y, thick = int(shape[0] * rng.uniform(0.45, 0.6)), max(3, shape[0] // 22)
    start = int(rng.integers(-40, 0))
    for x in range(start, shape[1], 62):
        cv2.rectangle(street, (x, y), (x + 36, y + thick), (228, 224, 204), -1)
    return street


def draw_sand(rng: np.random.Generator, shape: Shape) -> Floats:
    """A beach: dunes and grains."""
    dry = hue_color(rng.uniform(0.09, 0.13), rng.uniform(0.25, 0.42), rng.uniform(0.8, 0.93))
    sand = modulated(vertical_gradient(shape, tinted(dry, 0.92), dry), value_noise(rng, shape, cells=(5, 4)), 0.1)
    return modulated(sand, rng.random(shape, dtype=np.float32), 0.05)


def draw_wall(rng: np.random.Generator, shape: Shape) -> Floats:
    """A painted wall: plain plaster, stripes, dots or tiles, in lamp light."""
    color = hue_color(rng.random(), rng.uniform(0.1, 0.4), rng.uniform(0.7, 0.92))
    wall = vertical_gradient(shape, color, tinted(color, 0.88))
    second, step = tinted(color, rng.choice([0.78, 0.86, 1.12])), int(rng.integers(16, 36))
    pattern = rng.integers(4)
    if pattern == 1:
        for x in range(0, shape[1], step):
            cv2.rectangle(wall, (x, 0), (x + step // 2, shape[0]), second, -1)
    if pattern == 2:
        for index, y in enumerate(range(step // 2, shape[0], step)):
            for x in range(index % 2 * step // 2, shape[1] + step, step):
                cv2.circle(wall, (x, y), step // 6, second, -1, cv2.LINE_AA)
    if pattern == 3:
        wall[::step], wall[:, ::step] = second, second
    lamp = np.zeros(shape, np.float32)
    cv2.circle(lamp, (int(rng.integers(0, shape[1])), 0), shape[0] // 2, 0.45, -1)
    wall = blend(wall, (255, 244, 214), np.asarray(cv2.blur(lamp, (121, 121))))
    return modulated(wall, value_noise(rng, shape, cells=(24, 32), octaves=2), 0.04)


def draw_table(rng: np.random.Generator, shape: Shape) -> Floats:
    """A wooden table top seen from the front: planks and a bright edge."""
    wood = hue_color(rng.uniform(0.05, 0.1), rng.uniform(0.4, 0.7), rng.uniform(0.45, 0.75))
    table = modulated(vertical_gradient(shape, tinted(wood, 1.08), wood), value_noise(rng, shape, cells=(22, 3)), 0.2)
    for y in range(0, shape[0], int(rng.integers(24, 40))):
        cv2.line(table, (0, y), (shape[1], y), tinted(wood, 0.6), 1)
    table[:4] = tinted(wood, 1.3)
    return table
