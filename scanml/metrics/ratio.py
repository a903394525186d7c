"""Division that says NaN, not infinity or a warning, where a number is not defined."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scanml.structures.arrays import Doubles


def ratio_or_nan(top: npt.NDArray[np.number], bottom: npt.NDArray[np.number]) -> Doubles:
    """`top / bottom` in their common shape, NaN where `bottom` is not positive.

    >>> ratio_or_nan(np.array([1, 0]), np.array([2, 0]))
    array([0.5, nan])
    """
    undefined = np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan)
    return np.asarray(np.divide(top, bottom, out=undefined, where=bottom > 0), dtype=np.float64)
