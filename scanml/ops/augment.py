"""Augmented pixels made on the device: the picture that `datasets.augment` makes on the host, from the same numbers."""

from __future__ import annotations

from keras import ops

from scanml.ops.image import PADDING
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch


def render(batch: Batch, image_size: tuple[int, int]) -> Batch:
    """The batch with "image" uint8 (B, H, W, 3) in place of `structures.batches.DEVICE_PIXELS`.

    A batch that has its image is returned as it is. Rows, then columns are weighted sums of two neighbors each, as
    matrix products: what a device does best, and the bilinear interpolation of `cv2.resize`. The host rounds to 1/2048
    there and to whole colors between the steps, so that the two differ by a few gray levels at most, far below one on
    average.
    """
    if "image" in batch:
        return batch
    spans, pictures = batch["spans"], ops.cast(batch["pictures"], "float32")
    rows = _weights(spans[:, :, 1], image_size[0], pictures.shape[2])
    columns = _weights(spans[:, :, 0], image_size[1], pictures.shape[3])
    image = ops.einsum("bnywc,bnxw->byxc", ops.einsum("bnyh,bnhwc->bnywc", rows, pictures), columns)
    filled = ops.einsum("bny,bnx->byx", ops.sum(rows, axis=-1), ops.sum(columns, axis=-1))
    image = ops.round(image + PADDING * (1.0 - filled)[..., None])
    colors = batch["colors"]
    image = ops.einsum("byxc,bdc->byxd", image, colors[:, :, :3]) + colors[:, None, None, :, 3]
    image = ops.cast(ops.round(ops.clip(image, 0.0, 255.0)), "uint8")
    kept = {key: values for key, values in batch.items() if key not in ("pictures", "spans", "colors")}
    return {"image": image} | kept


def _weights(spans: Tensor, num_targets: int, num_sources: int) -> Tensor:
    """How much of each source place (…, targets, sources) a target shows: sums to 1, or 0 where nothing is shown."""
    scale, offset, low, high, first, last = (spans[..., i, None] for i in range(6))
    targets, sources = ops.arange(num_targets, dtype="float32"), ops.arange(num_sources, dtype="float32")
    at = ops.clip(scale * (targets + 0.5) + offset - 0.5, low, high - 1.0)  # pixels lie at whole numbers
    shown = ops.cast((first <= targets) & (targets < last), "float32")
    return ops.relu(1.0 - ops.abs(sources - at[..., None])) * shown[..., None]
