"""Three posters that serve as markers, and hanging one in a scene by a homography."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from scanml.datasets.synthetic.canvas import Color, arc, hue_color
from scanml.datasets.synthetic.textures import blend, smoothstep, value_noise, vertical_gradient
from scanml.structures.arrays import Bools, Doubles, Floats, Pixels

POSTER_SIZE = (420, 300)  # (height, width): the proportions of a sheet of A-format paper
_CREAM: Color = (250, 238, 214)
_MAX_TURN_DEGREES = 8.0


def draw_poster(marker_id: str) -> Pixels:
    """The poster `marker_id`, always the same: uint8 (420, 300, 3) RGB; an unknown name is a `KeyError`."""
    rng = np.random.default_rng(list(marker_id.encode()))
    art = POSTERS[marker_id](rng)
    grain = rng.standard_normal(POSTER_SIZE, dtype=np.float32)[..., None] * 2
    poster = np.asarray(np.clip(art + grain, 0, 255), dtype=np.uint8)
    cv2.rectangle(poster, (0, 0), (POSTER_SIZE[1] - 1, POSTER_SIZE[0] - 1), _CREAM, 12)
    return poster


def choose_homography(rng: np.random.Generator, *, image_size: tuple[int, int], share: float) -> Doubles:
    """Poster px → frame px, (3, 3): mildly turned and tilted, about `share` of the frame, inside it where it fits."""
    height = float(np.sqrt(share * image_size[0] * image_size[1] * POSTER_SIZE[0] / POSTER_SIZE[1]))
    half = np.array([height * POSTER_SIZE[1] / POSTER_SIZE[0], height]) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    corners = corners * (1 + rng.uniform(-0.05, 0.05, (4, 2)))
    angle = np.radians(rng.uniform(-_MAX_TURN_DEGREES, _MAX_TURN_DEGREES))
    corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    frame = np.array([image_size[1], image_size[0]])
    low, high = -corners.min(axis=0), frame - corners.max(axis=0)
    center = np.where(low < high, low + rng.random(2) * (high - low), frame / 2)
    outline = np.array([[0, 0], [POSTER_SIZE[1], 0], [POSTER_SIZE[1], POSTER_SIZE[0]], [0, POSTER_SIZE[0]]])
    matrix = cv2.getPerspectiveTransform(outline.astype(np.float32), (corners + center).astype(np.float32))
    return np.asarray(matrix, dtype=np.float64)


def hang_poster(pixels: Pixels, poster: Pixels, homography: Doubles) -> Bools:
    """Draw a poster with its shadow into `pixels` uint8 (H, W, 3), in place; returns what it covers, (H, W)."""
    size = (pixels.shape[1], pixels.shape[0])
    sharp = cv2.resize(poster, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # halved first: no aliasing
    warped = cv2.warpPerspective(sharp, homography @ np.diag([2.0, 2.0, 1.0]), size, flags=cv2.INTER_LINEAR)
    sheet = np.full(sharp.shape[:2], 255, np.uint8)
    cover = cv2.warpPerspective(sheet, homography @ np.diag([2.0, 2.0, 1.0]), size, flags=cv2.INTER_LINEAR)
    shift = np.array([[1, 0, 3], [0, 1, 4]], dtype=np.float32)
    shadow = cv2.GaussianBlur(cv2.warpAffine(cover, shift, size), (0, 0), 3)[..., None] * np.float32(0.45 / 255)
    share = cover[..., None] * np.float32(1 / 255)
    pixels[:] = (pixels * (1 - shadow) * (1 - share) + warped * share).astype(np.uint8)
    return np.asarray(cover >= 128)


def _moon_concert(rng: np.random.Generator) -> Floats:
    art = vertical_gradient(POSTER_SIZE, (20, 16, 62), (170, 60, 120))
    for _ in range(90):
        _disc(art, rng.uniform((14, 14), (286, 300)), rng.uniform(0.8, 2.6), hue_color(rng.random(), 0.15, 1.0))
    _disc(art, (168, 158), 96, (250, 226, 160))
    for _ in range(26):
        turn, reach, radius = rng.uniform(0, 6.3), rng.uniform(0, 74), rng.uniform(5, 15)
        center = (168 + reach * np.cos(turn), 158 + reach * np.sin(turn))
        _disc(art, center, radius, (222, 190, 120))
        _disc(art, (center[0] + 2, center[1] + 2), radius * 0.72, (240, 212, 146))
    for index, x in enumerate(range(18, 284, 19)):
        tall = rng.uniform(24, 84)
        for y in np.arange(330, 330 - tall, -10):
            cv2.rectangle(art, (x, int(y)), (x + 13, int(y) + 7), hue_color(0.5 + index * 0.03, 0.75, 0.95), -1)
    for x in range(10, 300, 22):
        head = 352 + rng.uniform(-6, 8)
        _disc(art, (x, head), 9, (16, 10, 30))
        cv2.line(art, (x, int(head)), (x + int(rng.integers(-14, 15)), int(head) - 28), (16, 10, 30), 4, cv2.LINE_AA)
    cv2.rectangle(art, (0, 360), (300, 420), (16, 10, 30), -1)
    _write(art, "MOON", (24, 62), 1.7, _CREAM)
    _write(art, "CONCERT", (26, 400), 1.6, (255, 204, 92))
    return art


def _reef_museum(rng: np.random.Generator) -> Floats:
    art = vertical_gradient(POSTER_SIZE, (120, 220, 226), (4, 56, 112))
    rays = smoothstep(value_noise(rng, POSTER_SIZE, cells=(1, 9), octaves=2), 0.5, 0.9)
    art = np.asarray(art + rays[..., None] * 36, dtype=np.float32)
    for x in range(26, 290, 30):
        _grow_coral(rng, art, (float(x), 400.0), turn=-90 + rng.uniform(-12, 12), length=rng.uniform(34, 56))
    for _ in range(34):
        center, radius = rng.uniform((20, 110), (280, 330)), rng.uniform(2, 8)
        cv2.circle(art, (int(center[0]), int(center[1])), int(radius), (230, 252, 255), 1, cv2.LINE_AA)
    for x, y, size in ((84, 190, 34), (212, 160, 46), (150, 268, 28)):
        _draw_jellyfish(rng, art, x, y, size)
    cv2.rectangle(art, (0, 0), (300, 104), (252, 244, 226), -1)
    _write(art, "REEF", (30, 54), 1.6, (226, 78, 60))
    _write(art, "MUSEUM", (30, 94), 1.2, (8, 74, 120))
    for index in range(8):
        cv2.rectangle(art, (168 + index * 14, 22), (176 + index * 14, 52), hue_color(index / 8, 0.7, 0.9), -1)
    return art


def _grow_coral(
    rng: np.random.Generator, art: Floats, foot: tuple[float, float], *, turn: float, length: float
) -> None:
    branches = [(foot, turn, length)]
    color = hue_color(rng.choice([0.98, 0.05, 0.88, 0.13]), rng.uniform(0.6, 0.85), rng.uniform(0.85, 1.0))
    while branches:
        (x, y), angle, reach = branches.pop()
        tip = (x + reach * float(np.cos(np.radians(angle))), y + reach * float(np.sin(np.radians(angle))))
        cv2.line(art, (int(x), int(y)), (int(tip[0]), int(tip[1])), color, max(2, int(reach / 7)), cv2.LINE_AA)
        if reach > 11:
            branches += [(tip, angle + side * rng.uniform(14, 38), reach * rng.uniform(0.62, 0.8)) for side in (-1, 1)]


def _draw_jellyfish(rng: np.random.Generator, art: Floats, x: int, y: int, size: int) -> None:
    for shift in np.linspace(-0.75, 0.75, 6):
        down = np.linspace(0, size * 1.9, 14)
        wave = x + shift * size + 4 * np.sin(down / 7 + rng.uniform(0, 6))
        cv2.polylines(art, [np.stack([wave, y + down], 1).astype(np.int32)], False, (255, 214, 236), 2, cv2.LINE_AA)
    bell = arc((x, y), (size, size * 0.95), start=180, end=360)
    cv2.fillPoly(art, [bell.astype(np.int32)], (244, 132, 178), cv2.LINE_AA)
    for shift in (-0.5, 0.0, 0.5):
        _disc(art, (x + shift * size, y - size * 0.4), size * 0.15, (255, 226, 240))


def _peak_cola(rng: np.random.Generator) -> Floats:
    art = np.full((*POSTER_SIZE, 3), np.array((206, 38, 40), np.float32))
    for index in range(24):
        wedge = [(150, 200), *arc((150, 200), (420, 420), start=index * 15, end=index * 15 + 7.5)]
        cv2.fillPoly(art, [np.array(wedge, dtype=np.int32)], (246, 206, 120), cv2.LINE_AA)
    for peak, color in (((92, 176), (88, 110, 150)), ((226, 196), (70, 92, 132)), ((156, 112), (48, 66, 108))):
        _draw_peak(rng, art, peak, color)
    cv2.rectangle(art, (0, 318), (300, 420), _CREAM, -1)
    for x in range(-10, 310, 28):
        cv2.fillPoly(art, [np.array([[x, 318], [x + 28, 318], [x + 14, 334]])], (206, 38, 40), cv2.LINE_AA)
    for _ in range(46):
        center, radius = rng.uniform((16, 20), (284, 310)), rng.uniform(2, 7)
        _disc(art, center, radius, (94, 44, 26))
        _disc(art, center - radius * 0.3, radius * 0.35, _CREAM)
    _write(art, "PEAK", (20, 376), 1.3, (206, 38, 40))
    _write(art, "COLA", (160, 376), 1.3, (48, 66, 108))
    _write(art, "ice cold since 1924", (24, 402), 0.7, (94, 44, 26))
    return art


def _draw_peak(rng: np.random.Generator, art: Floats, peak: tuple[int, int], color: Color) -> None:
    x, y = peak
    foot = 320 - y
    cv2.fillPoly(art, [np.array([[x, y], [x + foot * 2 // 3, 320], [x - foot * 2 // 3, 320]])], color, cv2.LINE_AA)
    hem = [(x + int(s * foot * 0.25), y + int(foot * 0.37) + int(rng.integers(-12, 13))) for s in np.linspace(1, -1, 7)]
    cv2.fillPoly(art, [np.array([(x, y), *hem])], (250, 250, 252), cv2.LINE_AA)
    for _ in range(16):
        left, top = x + int(rng.uniform(-0.35, 0.35) * foot), y + int(rng.uniform(0.6, 0.95) * foot)
        tree = np.array([[left, top - 14], [left + 6, top], [left - 6, top]])
        cv2.fillPoly(art, [tree], hue_color(0.38, 0.6, rng.uniform(0.25, 0.55)), cv2.LINE_AA)


def _disc(art: Floats, center: Doubles | tuple[float, float], radius: float, color: Color) -> None:
    at = (round(float(center[0]) * 16), round(float(center[1]) * 16))
    cv2.circle(art, at, round(radius * 16), color, -1, cv2.LINE_AA, 4)


def _write(art: Floats, text: str, left_bottom: tuple[int, int], size: float, color: Color) -> None:
    mask = np.zeros(art.shape[:2], np.uint8)  # OpenCV 5 writes on 8 bits only
    cv2.putText(mask, text, left_bottom, cv2.FONT_HERSHEY_DUPLEX, size, 255, max(1, round(size * 3)), cv2.LINE_AA)
    art[:] = blend(art, color, mask.astype(np.float32) / np.float32(255))


POSTERS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "moon-concert": _moon_concert,
    "peak-cola": _peak_cola,
    "reef-museum": _reef_museum,
}
MARKER_IDS = tuple(POSTERS)
