"""Pictures as tensors: the letterbox and its exact inverse. `keras.ops` only, so that training, evaluation and the
exported graph see the same pixels."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from keras import ops

from scanml.structures.arrays import Tensor

PADDING = 114.0  # a gray near the mean of natural images: the border of the padding is no strong edge
_STRIP = 64  # rows made at a time: of a large picture only the rows under them become floats


def letterbox(image: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Fit a picture into `size` (height, width), keeping its shape, at the top left; the rest is gray.

    Rows, then columns are weighted sums with a triangle kernel that widens as the picture shrinks, as `antialias=True`
    has it in `tf.image.resize`; unlike `keras.ops.image.resize`, this accepts a height and width that are tensors.

    Args:
        image: (H, W, 3), uint8 or float 0…255, at least one pixel.

    Returns:
        The picture, float32 (height, width, 3) 0…255, and the scales float32 (2,) by which x and y were multiplied.
    """
    own = ops.shape(image)[:2]
    # A known size needs no tensors for the weights: NumPy has the same functions, and nothing is compiled per size.
    lib = np if all(isinstance(side, int) for side in own) else ops
    height, width = own if lib is np else (ops.convert_to_tensor(side, "int32") for side in own)
    inside = _fit(height, width, size, lib=lib), _fit(width, height, size[::-1], lib=lib)
    strips = [_shrink_strip(image, height, inside[0], top, lib=lib) for top in range(0, size[0], _STRIP)]
    columns = _kernel((0, size[1]), (0, width), width, inside[1], lib=lib)
    canvas = ops.einsum("yxc,wx->ywc", ops.concatenate(strips)[: size[0]], columns)
    filled = (lib.arange(size[0])[:, None] < inside[0]) & (lib.arange(size[1]) < inside[1])
    scales = lib.stack([lib.divide(inside[1], width), lib.divide(inside[0], height)])
    canvas = ops.where(filled[..., None], ops.clip(canvas, 0.0, 255.0), PADDING)
    return canvas, ops.convert_to_tensor(scales, "float32")


def unletterbox(boxes: Tensor, scales: Tensor) -> Tensor:
    """Boxes (..., N, 4) of the letterboxed picture in pixels of the original; `scales` (..., 2) from `letterbox`."""
    return boxes / ops.concatenate([scales, scales], axis=-1)[..., None, :]


def _fit(own: Tensor, other: Tensor, limits: tuple[int, int], *, lib: ModuleType) -> Tensor:
    """The side `own` after both were scaled alike until one meets its limit, by whole numbers: equal everywhere."""
    return lib.clip((2 * own * limits[1] + other) // (2 * other), 1, limits[0])


def _shrink_strip(image: Tensor, own: Tensor, inside: Tensor, top: int, *, lib: ModuleType) -> Tensor:
    """Rows from `top` on of `inside`, made of the `own` rows of a picture (own, W, 3): float32 (64, W, 3)."""
    radius = own // inside + 1
    count = lib.minimum((_STRIP - 1) * own // inside + 2 * radius + 3, own)
    start = lib.clip((2 * top + 1) * own // (2 * inside) - radius - 1, 0, own - count)
    rows = _kernel((top, top + _STRIP), (start, start + count), own, inside, lib=lib)
    return ops.einsum("yh,hwc->ywc", rows, ops.cast(image[start : start + count], "float32"))


def _kernel(
    targets: tuple[int, int], sources: tuple[Tensor, Tensor], own: Tensor, inside: Tensor, *, lib: ModuleType
) -> Tensor:
    """Weights (targets, sources) that sum to 1 per target: a triangle around the target's center in `own` pixels."""
    step = lib.divide(own, inside)
    centers = (lib.arange(*targets, dtype="float32") + 0.5) * step - 0.5
    distance = lib.abs(lib.arange(*sources, dtype="float32") - centers[:, None]) / lib.maximum(step, 1.0)
    weights = lib.maximum(1.0 - distance, 0.0)
    return ops.cast(weights / lib.maximum(lib.sum(weights, axis=1, keepdims=True), 1e-6), "float32")
