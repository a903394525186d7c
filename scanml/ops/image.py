"""Pictures as tensors: the letterbox and its exact inverse. `keras.ops` only, so that training, evaluation and the
exported graph see the same pixels."""

from __future__ import annotations

from keras import ops

from scanml.structures.arrays import Tensor

PADDING = 114.0  # a gray near the mean of natural images: the border of the padding is no strong edge


def letterbox(image: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Fit a picture into `size` (height, width), keeping its shape, at the top left; the rest is gray.

    Args:
        image: (H, W, 3), uint8 or float 0…255.

    Returns:
        The picture, float32 (height, width, 3) 0…255, and the scales float32 (2,) by which x and y were multiplied.
    """
    own = image.shape[:2]
    ratio = min(size[0] / own[0], size[1] / own[1])
    inside = [max(1, min(limit, int(ratio * side + 0.5))) for side, limit in zip(own, size, strict=True)]
    resized = ops.image.resize(ops.cast(image, "float32"), tuple(inside), interpolation="bilinear", antialias=True)
    padding = [[0, size[0] - inside[0]], [0, size[1] - inside[1]], [0, 0]]
    canvas = ops.pad(ops.clip(resized, 0.0, 255.0), padding, constant_values=PADDING)
    return canvas, ops.convert_to_tensor([inside[1] / own[1], inside[0] / own[0]], dtype="float32")


def unletterbox(boxes: Tensor, scales: Tensor) -> Tensor:
    """Boxes (..., N, 4) of the letterboxed picture in pixels of the original; `scales` (..., 2) from `letterbox`."""
    return boxes / ops.concatenate([scales, scales], axis=-1)[..., None, :]
