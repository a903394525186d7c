"""Choices about data are checked when they are made."""

import pytest

from scanml.datasets import AugmentConfig, DataConfig
from scanml.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("validation_fraction", 0.0),
        ("test_fraction", 1.0),
        ("near_duplicate_bits", 16),
        ("near_duplicate_bits", -1),
        ("shard_megabytes", 0),
        ("max_megapixels", 0),
        ("limit", -1),
    ],
)
def test_a_data_choice_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=rf"data\.{name} must .*received {value}"):
        DataConfig(**{name: value})


def test_splits_must_leave_something_for_training():
    with pytest.raises(ConfigError, match="leave something for training"):
        DataConfig(validation_fraction=0.5, test_fraction=0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flip_left_right", 1.5),
        ("translate", -0.1),
        ("brightness", 2.0),
        ("mosaic", 1.1),
        ("scale", (1.3, 0.7)),
        ("scale", (0.0, 1.0)),
    ],
)
def test_an_augmentation_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=rf"augment\.{name} must"):
        AugmentConfig(**{name: value})


def test_a_choice_of_another_type_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"DataConfig\.limit: expected int, received 1\.5"):
        DataConfig(limit=1.5)
    with pytest.raises(ConfigError, match=r"AugmentConfig\.scale: expected 2 values"):
        AugmentConfig(scale=(1.0,))
