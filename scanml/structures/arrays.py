"""Named array types, and the one door where an array is copied, checked and made read-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError

Pixels = npt.NDArray[np.uint8]  # (H, W, 3) RGB, upright
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Tensor = Any  # a NumPy, TensorFlow or JAX array: the one place where Any is a type


def locked(
    values: object,
    dtype: npt.DTypeLike,
    shape: Sequence[int | None],
    *,
    name: str,
    finite: bool = True,
    least: float | None = None,
) -> npt.NDArray[Any]:
    """A read-only copy of `values` as `dtype`; `None` in `shape` stands for any size, an empty list for 0 rows.

    Raises:
        DataError: another rank or size, a value that `dtype` cannot hold, one that is not finite or below `least`.
    """
    array = _cast(values, np.dtype(dtype), name)
    if array.size == 0 and array.ndim == 1 and len(shape) > 1:
        array = array.reshape([0, *[size or 0 for size in shape[1:]]])
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise DataError(f"{name} must have shape ({wanted}), received {array.shape}.")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{name} must be finite, received {int((~np.isfinite(array)).sum())} values that are not.")
    if least is not None and array.size and array.min() < least:
        raise DataError(f"{name} must be at least {least}, received {array.min()}.")
    array.setflags(write=False)
    return array


def check_unique(values: Sequence[object], *, name: str) -> None:
    """Refuse a value that occurs twice, as a `DataError`."""
    if len(set(values)) < len(values):
        repeated = next(value for index, value in enumerate(values) if value in values[:index])
        raise DataError(f"{name} {repeated!r} occurs twice; each must be unique.")


def _cast(values: object, dtype: np.dtype[Any], name: str) -> npt.NDArray[Any]:
    """A copy as `dtype`, refused where that would change a value: 0.5 is no label, 300 no pixel."""
    try:
        given = np.asarray(values)
        with np.errstate(over="ignore", invalid="ignore"):
            array = given.astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{name} must be an array of {dtype}: {error}.") from error
    if dtype.kind in "iub" and given.dtype != dtype and not np.array_equal(array, given):
        raise DataError(f"{name} must hold {dtype} values, received {given.dtype} values that it cannot hold.")
    return array
