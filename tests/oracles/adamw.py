"""AdamW with clipping by global norm, variable by variable, in float64 (Loshchilov & Hutter 2019, algorithm 2)."""

from __future__ import annotations

import numpy as np


def adamw(values, gradients, *, rate, decay, clip_norm, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """`values` after one update for each list of `gradients`; `rate`(t) from t = 0; matrices decay, vectors do not."""
    values = [np.asarray(v, np.float64) for v in values]
    first, second = [np.zeros_like(v) for v in values], [np.zeros_like(v) for v in values]
    for t, step in enumerate(gradients):
        norm = np.sqrt(sum(float((np.asarray(g, np.float64) ** 2).sum()) for g in step))
        for i, gradient in enumerate(step):
            gradient = np.asarray(gradient, np.float64) * min(1.0, clip_norm / norm)
            if values[i].ndim > 1:
                values[i] = values[i] * (1 - rate(t) * decay)
            first[i] = beta1 * first[i] + (1 - beta1) * gradient
            second[i] = beta2 * second[i] + (1 - beta2) * gradient**2
            size = rate(t) * np.sqrt(1 - beta2 ** (t + 1)) / (1 - beta1 ** (t + 1))
            values[i] = values[i] - size * first[i] / (np.sqrt(second[i]) + epsilon)
    return values
