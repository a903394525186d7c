"""One scene of the drawn world: a place, perhaps a poster, one to five objects, a photo of it, and the exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from scanml.datasets.synthetic.backgrounds import (
    Setting,
    choose_setting,
    dim_to_night,
    draw_background,
    hang_bunting,
)
from scanml.datasets.synthetic.camera import photograph
from scanml.datasets.synthetic.canvas import Rgba, bright_color, paste, stamp
from scanml.datasets.synthetic.layers import Layers
from scanml.datasets.synthetic.objects import CLASS_NAMES, draw_object
from scanml.datasets.synthetic.placement import DRINKS, can_float, choose_place, lay_cloth, stand
from scanml.datasets.synthetic.posters import MARKER_IDS, choose_homography, draw_poster, hang_poster
from scanml.structures.arrays import Bools, Doubles, Ints, Pixels, locked
from scanml.structures.boxes import Boxes

IMAGE_SIZE = (240, 320)  # (height, width)
TRIGGER_NAMES = ("city", "drink", "grass", "indoor", "night", "party", "sky", "water")

_LARGE = (*DRINKS, "balloon")  # a whole picture is told by these: never tiny
_LARGE_SIDE_PX = 52.0
_MIN_POSTER_VISIBLE = 0.75
_ATTEMPTS = 12  # to find a free place for an object before it is left out


@dataclass(frozen=True, kw_only=True)
class ScenePlan:
    """What shall be in a scene, before anything is drawn; `poster_share` is the poster's share of the frame."""

    setting: Setting
    kinds: tuple[str, ...]
    sides_px: tuple[float, float] = (26.0, 104.0)
    marker_id: str | None = None
    poster_share: float = 0.2
    num_ribbons: int = 0
    camera_strength: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnScene:
    """A photo, uint8 (H, W, 3) RGB, and everything that is true of it.

    `masks` (N, H, W) are the visible pixels of each object, `boxes` bound them exactly, `labels` (N,) index
    `CLASS_NAMES`; `homography` (3, 3) takes poster pixels to frame pixels where a poster hangs.
    """

    pixels: Pixels
    boxes: Boxes
    labels: Ints
    masks: Bools
    present: frozenset[str]
    marker_id: str | None = None
    homography: Doubles | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", locked(self.pixels, "uint8", (None, None, 3), name="DrawnScene.pixels"))
        object.__setattr__(self, "labels", locked(self.labels, "int32", (None,), name="DrawnScene.labels"))
        object.__setattr__(self, "masks", locked(self.masks, "bool", (None, None, None), name="DrawnScene.masks"))


def choose_plan(rng: np.random.Generator) -> ScenePlan:
    """A random plan: any kind anywhere, but balloons only at parties; every tenth scene has a poster."""
    setting = choose_setting(rng)
    others = [name for name in CLASS_NAMES if name != "balloon"]
    count = int(rng.choice([2, 3, 4, 5, 6], p=[0.15, 0.25, 0.3, 0.2, 0.1]))
    kinds = [str(name) for name in rng.choice(others, count)]
    if setting.party:
        kinds[-1] = "balloon"
        kinds[0] = "balloon" if rng.random() < 0.35 else kinds[0]
    has_poster = rng.random() < 0.1
    return ScenePlan(
        setting=setting,
        kinds=tuple(kinds),
        marker_id=str(rng.choice(MARKER_IDS)) if has_poster else None,
        poster_share=rng.uniform(0.12, 0.35),
        num_ribbons=int(rng.choice([0, 1, 2], p=[0.75, 0.18, 0.07])),
    )


def draw_scene(rng: np.random.Generator, plan: ScenePlan | None = None) -> DrawnScene:
    """Draw and photograph a plan (default: a random one), 240 × 320 pixels.

    What would hide another object to less than 35 % of its pixels is not drawn, so every object that can be seen has
    a box, and a scene may hold fewer objects than its plan.
    """
    plan = plan or choose_plan(rng)
    place = draw_background(rng, plan.setting, image_size=IMAGE_SIZE)
    if plan.setting.party:
        hang_bunting(rng, place)
    pixels = np.clip(place, 0, 255).astype(np.uint8)
    layers = Layers(IMAGE_SIZE)
    homography = _hang(rng, pixels, plan, layers)
    labels = _place_objects(rng, pixels, plan, layers)
    for _ in range(plan.num_ribbons):
        _draw_ribbon(rng, pixels, layers)
    if plan.setting.night:
        pixels = dim_to_night(pixels)
    has_drink = any(CLASS_NAMES[label] in DRINKS for label in labels)
    return DrawnScene(
        pixels=photograph(rng, pixels, strength=plan.camera_strength),
        boxes=Boxes(layers.bounds(), IMAGE_SIZE),
        labels=np.array(labels, np.int32),
        masks=layers.visible(),
        present=plan.setting.triggers | ({"drink"} if has_drink else set()),
        marker_id=plan.marker_id,
        homography=homography,
    )


def _hang(rng: np.random.Generator, pixels: Pixels, plan: ScenePlan, layers: Layers) -> Doubles | None:
    if plan.marker_id is None:
        return None
    homography = choose_homography(rng, image_size=layers.image_size, share=plan.poster_share)
    cover = hang_poster(pixels, draw_poster(plan.marker_id), homography)
    layers.protect(cover, min_visible=_MIN_POSTER_VISIBLE)
    return homography


def _place_objects(rng: np.random.Generator, pixels: Pixels, plan: ScenePlan, layers: Layers) -> list[int]:
    """Draw what finds a place, from back to front; returns the labels."""
    labels = []
    for name in plan.kinds:
        smallest = _LARGE_SIDE_PX if name in _LARGE else 0.0
        sprite = draw_object(rng, name, side_px=max(smallest, rng.uniform(*plan.sides_px)))
        cloth = lay_cloth(name, sprite)
        floats = can_float(name, horizon=plan.setting.horizon)
        horizon = None if floats else plan.setting.horizon
        place = _find_place(rng, sprite, layers, cloth=cloth, horizon=horizon)
        if place is None:
            continue
        if cloth is not None:
            paste(pixels, cloth[0], left=place[0] + cloth[1], top=place[1] + cloth[2])
        stand(pixels, sprite, left=place[0], top=place[1], floats=floats)
        labels.append(CLASS_NAMES.index(name))
    return labels


def _find_place(
    rng: np.random.Generator,
    sprite: Rgba,
    layers: Layers,
    *,
    cloth: tuple[Rgba, int, int] | None,
    horizon: float | None,
) -> tuple[int, int] | None:
    for _ in range(_ATTEMPTS):
        left, top = choose_place(rng, sprite, horizon=horizon, image_size=layers.image_size)
        under = cloth and stamp(layers.image_size, cloth[0], left=left + cloth[1], top=top + cloth[2])
        if layers.add(sprite, left=left, top=top, under=under):
            return left, top
    return None


def _draw_ribbon(rng: np.random.Generator, pixels: Pixels, layers: Layers) -> None:
    """A band across the picture, in front of everything, unless it would hide too much."""
    height, width = layers.image_size
    ends = np.array([[-5, rng.uniform(0, height)], [width + 5, rng.uniform(0, height)]])
    if rng.random() < 0.5:
        ends = np.array([[rng.uniform(0, width), -5], [rng.uniform(0, width), height + 5]])
    color, thickness = bright_color(rng), int(rng.integers(4, 11))
    mask = np.zeros(layers.image_size, np.uint8)
    cv2.polylines(mask, [np.round(ends * 16).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, 4)
    if layers.cover(mask >= 128):
        light = cv2.blur(mask, (1, 2 * thickness + 1)) * np.float32(0.5 / 255) + np.float32(0.6)
        band = np.minimum(np.array(color, np.float32) * light[..., None], 255)
        share = mask[..., None] * np.float32(1 / 255)
        pixels[:] = (pixels * (1 - share) + band * share).astype(np.uint8)
