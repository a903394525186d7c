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
from scanml.datasets.synthetic.canvas import bright_color
from scanml.datasets.synthetic.layers import Layers
from scanml.datasets.synthetic.objects import CLASS_NAMES, draw_object
from scanml.datasets.synthetic.placement import place_object, stand
from scanml.datasets.synthetic.posters import MARKER_IDS, choose_homography, draw_poster, hang_poster
from scanml.structures.arrays import Bools, Doubles, Ints, Pixels, locked
from scanml.structures.boxes import Boxes

IMAGE_SIZE = (240, 320)  # (height, width)
TRIGGER_NAMES = ("city", "drink", "grass", "indoor", "night", "party", "sky", "water")

_DRINKS = ("bottle", "mug")
_LARGE = (*_DRINKS, "balloon")  # a whole picture is told by these: never tiny
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
    count = int(rng.choice([1, 2, 3, 4, 5], p=[0.15, 0.25, 0.3, 0.2, 0.1]))
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


def draw_scene(
    rng: np.random.Generator, plan: ScenePlan | None = None, *, image_size: tuple[int, int] = IMAGE_SIZE
) -> DrawnScene:
    """Draw and photograph a plan (default: a random one).

    What would hide another object to less than 35 % of its pixels is not drawn, so every object that can be seen has
    a box, and a scene may hold fewer objects than its plan.
    """
    plan = plan or choose_plan(rng)
    place = draw_background(rng, plan.setting, image_size=image_size)
    if plan.setting.party:
        hang_bunting(rng, place)
    pixels = np.clip(place, 0, 255).astype(np.uint8)
    layers = Layers(image_size)
    homography = _hang(rng, pixels, plan, layers)
    labels = _place_objects(rng, pixels, plan, layers)
    for _ in range(plan.num_ribbons):
        _draw_ribbon(rng, pixels, layers)
    if plan.setting.night:
        pixels = dim_to_night(pixels)
    has_drink = any(CLASS_NAMES[label] in _DRINKS for label in labels)
    return DrawnScene(
        pixels=photograph(rng, pixels, strength=plan.camera_strength),
        boxes=Boxes(layers.bounds(), image_size),
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
    labels = []
    for name in plan.kinds:
        smallest = _LARGE_SIDE_PX if name in _LARGE else plan.sides_px[0]
        side_px = rng.uniform(max(smallest, plan.sides_px[0]), max(smallest, plan.sides_px[1]))
        sprite = draw_object(rng, name, side_px=side_px)
        for _ in range(_ATTEMPTS):
            left, top = place_object(rng, name, sprite, horizon=plan.setting.horizon, image_size=layers.image_size)
            if layers.add(sprite, left=left, top=top):
                stand(
                    pixels, sprite, left=left, top=top, floats=plan.setting.horizon > 0 and name in ("balloon", "star")
                )
                labels.append(CLASS_NAMES.index(name))
                break
    return labels


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
        light = cv2.blur(mask, (1, 2 * thickness + 1))[..., None] * np.float32(0.5 / 255) + np.float32(0.6)
        share = mask[..., None] * np.float32(1 / 255)
        pixels[:] = (pixels * (1 - share) + np.minimum(np.float32(color) * light, 255) * share).astype(np.uint8)
