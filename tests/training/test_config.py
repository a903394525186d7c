"""Choices about training are checked when they are made."""

import pytest

from scanml.errors import ConfigError
from scanml.training import TrainConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 2.5),
        ("precision", "bf16"),
        ("backend", "torch"),
        ("learning_rate", float("inf")),
        ("learning_rate", 0),
        ("clip_norm", -1),
        ("warmup_steps", -5),
        ("weight_decay", -0.1),
        ("final_rate", 7),
        ("average_decay", 1),
        ("seed", -1),
        ("seed", 2**32),
        ("accumulate", 3),
        ("updates_per_call", 0),
        ("xla", "yes"),
        ("devices", 2),
        ("augment", None),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=rf"\.{field}\b.*received"):
        TrainConfig(**{field: value})
