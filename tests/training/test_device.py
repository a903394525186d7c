import keras
import pytest

from scanml.errors import ConfigError
from scanml.training.device import choose_backend


def test_another_backend_than_the_running_one_is_refused():
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
    with pytest.raises(ConfigError, match=f"start a new one with KERAS_BACKEND={other}"):
        choose_backend(other)


def test_the_running_backend_may_be_chosen_again():
    choose_backend(keras.backend.backend())
