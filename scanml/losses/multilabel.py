"""Losses for several labels at once, each present, absent or unknown."""

from __future__ import annotations

from keras import ops

from scanml.structures.arrays import Tensor

_EPSILON = 1e-7  # keeps powers and logarithms away from 0: about the spacing of float32 just above 1 (1.2e-7)


def asymmetric_loss(
    logits: Tensor,
    present: Tensor,
    known: Tensor,
    *,
    gamma_positive: float = 0.0,
    gamma_negative: float = 4.0,
    margin: float = 0.05,
) -> Tensor:
    """Asymmetric loss (Ben-Baruch et al. 2021, eq. 4–6), its mean over the known labels; a scalar.

    Args:
        logits: (B, T). present: (B, T), 1 where the label is there. known: (B, T), false where it does not count.

    Easy absences are forgotten: probabilities below `margin` cost nothing, others p^`gamma_negative` of their
    cross-entropy. Without any known label the loss is 0.
    """
    present, known = ops.cast(present, "float32"), ops.cast(known, "float32")
    logits = ops.cast(logits, "float32")
    probability = ops.sigmoid(logits)
    shifted = ops.maximum(probability - margin, _EPSILON)
    # log p = -softplus(-x) and log(1 - p) = -softplus(x) are exact and smooth where p rounds to 0 or 1: there the
    # derivative of a power of 0 would be 0 · ∞.
    on = ops.exp(-gamma_positive * ops.softplus(logits)) * ops.softplus(-logits)
    off = ops.power(shifted, gamma_negative) * -ops.log(ops.maximum(1.0 - shifted, _EPSILON))
    losses = (present * on + (1.0 - present) * off) * known
    return ops.sum(losses) / ops.maximum(ops.sum(known), 1.0)
