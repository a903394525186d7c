"""Choices about models are checked when they are made."""

import pytest

from scanml.errors import ConfigError
from scanml.models import SceneClassifierConfig, SceneDetectorConfig


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (SceneDetectorConfig, "size", "huge"),
        (SceneDetectorConfig, "image_size", (64, 64, 64)),
        (SceneDetectorConfig, "num_bins", 1),
        (SceneDetectorConfig, "nms_iou", 7),
        (SceneDetectorConfig, "vote_iou", -0.1),
        (SceneDetectorConfig, "max_detections", 0),
        (SceneDetectorConfig, "max_candidates", 0),
        (SceneClassifierConfig, "dropout", 3),
        (SceneClassifierConfig, "backbone", 5),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_by_name(kind, field, value):
    with pytest.raises(ConfigError, match=rf"\.{field}\b.*received"):
        kind(**{field: value})
