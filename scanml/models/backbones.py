"""Feature extractors: small ones of our own that learn from scratch, and any of `keras.applications`.

Each takes float pixels (B, H, W, 3), 0…255, and gives features at strides 8, 16 and 32.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
from keras import layers

from scanml.errors import ModelError
from scanml.models.config import STRIDES
from scanml.structures.arrays import Tensor

WIDTHS = {  # channels at strides 4, 8, 16, 32, and residual convolutions at the last three
    "tiny": ((16, 32, 64, 96), (1, 1, 1)),
    "small": ((24, 48, 96, 160), (1, 2, 1)),
    "base": ((48, 96, 192, 320), (2, 4, 2)),
}
# Momentum is PyTorch's default: Keras's 0.99 still holds 37 % of its starting values after 100 updates, too much for
# short trainings. Epsilon is Keras's default.
NORMALIZATION = {"momentum": 0.9, "epsilon": 1e-3}


def convolution(x: Tensor, filters: int, *, kernel: int = 3, strides: int = 1, name: str) -> Tensor:
    """Convolution, batch normalization, SiLU."""
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(**NORMALIZATION, name=f"{name}_norm")(x)
    return layers.Activation("silu", name=f"{name}_act")(x)


def residual(x: Tensor, *, count: int, name: str) -> Tensor:
    """`count` times x + convolution(x)."""
    for block in range(count):
        x = layers.Add(name=f"{name}_{block}_add")([x, convolution(x, x.shape[-1], name=f"{name}_{block}")])
    return x


def extract_features(
    pixels: Tensor, *, size: str, backbone: str | None, weights: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Features at strides 8, 16, 32 of pixels (B, H, W, 3), 0…255.

    Raises:
        ModelError: an unknown backbone, or weights that are not on this machine.
    """
    if backbone is None:
        if weights is not None:
            raise ModelError(f"our own backbones have no {weights!r} weights; leave `weights` at None.")
        return _own_features(pixels, *WIDTHS[size])
    return _application_features(pixels, backbone, weights)


def _own_features(pixels: Tensor, widths: tuple[int, ...], blocks: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Patches of 4×4 pixels first: on a CPU half of the time would go to strides 2 and 4, where little is learned."""
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(pixels)
    x = convolution(x, widths[0], kernel=4, strides=4, name="stem")
    features = []
    for stage, (width, count) in enumerate(zip(widths[1:], blocks, strict=True), start=3):
        x = convolution(x, width, strides=2, name=f"stage{stage}_down")
        x = residual(x, count=count, name=f"stage{stage}")
        features.append(x)
    return features[0], features[1], features[2]


def _application_features(pixels: Tensor, name: str, weights: str | None) -> tuple[Tensor, Tensor, Tensor]:
    build, module = _find_application(name)
    height, width = pixels.shape[1:3]
    prepared = module.preprocess_input(pixels)
    with _without_download(name):
        model = build(include_top=False, weights=weights, input_shape=(height, width, 3))
    model.name = "backbone"
    sizes = {(height // stride, width // stride): stride for stride in STRIDES}
    last = {  # later layers replace earlier ones of the same size; padding is no feature
        sizes[layer.output.shape[1:3]]: layer.output
        for layer in model.layers
        if not isinstance(layer, layers.ZeroPadding2D) and layer.output.shape[1:3] in sizes
    }
    if set(last) != set(STRIDES):
        raise ModelError(f"backbone {name!r} has features at strides {sorted(last)}; expected {STRIDES}.")
    fine, middle, coarse = keras.Model(model.input, [last[stride] for stride in STRIDES], name="backbone")(prepared)
    return fine, middle, coarse


def _find_application(name: str) -> tuple[Callable[..., keras.Model], ModuleType]:
    known = sorted(n for n in dir(keras.applications) if n[0].isupper())
    if name not in known:
        raise ModelError(f"keras.applications has no {name!r}; known: {', '.join(known)}.")
    build = getattr(keras.applications, name)
    return build, importlib.import_module(build.__module__)  # where its preprocess_input is


@contextmanager
def _without_download(backbone: str) -> Iterator[None]:
    """Keras may use weights that are here, and must say which file is missing instead of fetching it."""
    files: Any = importlib.import_module("keras.src.utils.file_utils")  # has no public name; every application asks it
    fetch = files.get_file
    files.get_file = functools.partial(_find_weights, backbone)
    try:
        yield
    finally:
        files.get_file = fetch


def _find_weights(backbone: str, fname: str, *_: object, cache_subdir: str = "models", **__: object) -> str:
    home = os.environ.get("KERAS_HOME", "~/.keras")
    path = Path(home).expanduser() / cache_subdir / Path(fname).name
    if not path.exists():
        raise ModelError(
            f"backbone {backbone!r} needs the weights file {path.name}, which scanml does not download: "
            f"put it at {path}, or set weights to None to learn from scratch."
        )
    return str(path)
