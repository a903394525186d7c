import socket

import keras
import numpy as np
import pytest

from scanml.errors import ModelError
from scanml.models.backbones import WIDTHS, extract_features

SIZE = (64, 96)


def features_of(size="tiny", backbone=None, weights=None):
    image = keras.Input((*SIZE, 3))
    features = extract_features(image, size=size, backbone=backbone, weights=weights)
    return keras.Model(image, list(features))


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    """An empty Keras home, and a network that refuses."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def refuse(*address):
        raise AssertionError(f"asked the network for {address}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path


@pytest.mark.parametrize("size", WIDTHS)
def test_our_own_have_features_at_strides_8_16_32(size):
    widths = WIDTHS[size][0][1:]
    shapes = [output.shape for output in features_of(size).outputs]
    assert shapes == [(None, 64 // s, 96 // s, w) for s, w in zip((8, 16, 32), widths, strict=True)]


def test_larger_sizes_have_more_weights():
    counts = [features_of(size).count_params() for size in ("tiny", "small", "base")]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ResNet50V2"])
def test_any_keras_application_by_name(name):
    model = features_of(backbone=name)
    assert [output.shape[1:3] for output in model.outputs] == [(8, 12), (4, 6), (2, 3)]
    found = model(np.full((1, *SIZE, 3), 127.0, np.float32))
    assert all(np.isfinite(np.asarray(value)).all() for value in found)


def test_missing_weights_are_named_with_their_place_and_never_fetched(no_weights):
    with pytest.raises(ModelError, match=r"mobilenet_v2_weights.*\.h5, which scanml does not download") as refused:
        features_of(backbone="MobileNetV2", weights="imagenet")
    assert f"put it at {no_weights / 'models' / 'mobilenet_v2_weights'}" in str(refused.value)


def test_weights_in_their_place_are_opened(no_weights):
    (no_weights / "models").mkdir()
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    (no_weights / "models" / name).write_bytes(b"not HDF5")
    with pytest.raises(OSError, match="file signature"):
        features_of(backbone="MobileNetV2", weights="imagenet")


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match=r"no 'ResNet51'; known: .*ResNet50"):
        features_of(backbone="ResNet51")


def test_our_own_have_no_weights_to_load():
    with pytest.raises(ModelError, match="leave `weights` at None"):
        features_of(weights="imagenet")
