import keras
import numpy as np
import pytest

from scanml.training.packing import Packing


def network(*, plain=False):
    image = keras.Input((8,))
    if plain:
        return keras.Model(image, keras.layers.Dense(3, use_bias=False)(image))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(5)(image))
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Dropout(0.5)(hidden)))


@pytest.mark.parametrize("plain", [False, True])
def test_packing_and_unpacking_change_nothing(rng, plain):
    model = network(plain=plain)
    for variable in model.weights:
        variable.assign(rng.integers(1, 9, variable.shape))
    packing, before = Packing(model), [np.asarray(v) for v in model.weights]
    weights, fixed = packing.read()
    assert all(len(vector.shape) == 1 for vector in [*weights, fixed[0]])
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    packing.write(weights, fixed)
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)


def test_kernels_biases_statistics_and_seeds_lie_apart():
    (kernels, scales), (statistics, *seeds) = Packing(network()).read()
    assert kernels.shape == (8 * 5 + 5 * 3,)
    assert scales.shape == (5 + 2 * 5 + 3,)  # biases, normalization's scale and shift
    assert statistics.shape == (2 * 5,)
    assert [seed.dtype for seed in seeds] and all("int" in str(seed.dtype) for seed in seeds)
