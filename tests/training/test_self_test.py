from dataclasses import replace

import numpy as np
import pytest

from scanml.datasets.records import DataSet, Split
from scanml.errors import DataError
from scanml.models.config import SceneClassifierConfig, SceneDetectorConfig
from scanml.training import TrainConfig
from scanml.training.self_test import self_test

DETECTOR = SceneDetectorConfig(size="tiny", image_size=(96, 128))
CLASSIFIER = SceneClassifierConfig(size="tiny", image_size=(64, 96), dropout=0.0)


def changed(data, change):
    splits = [Split(s.name, s.labels, [change(record) for record in s.records], s.read) for s in data]
    return DataSet(*splits)


@pytest.mark.parametrize(("config", "task"), [(DETECTOR, "detector"), (CLASSIFIER, "classifier")])
def test_eight_pictures_are_learned_by_heart(tmp_path, data, config, task):
    result = self_test(config, data, task, config=TrainConfig(), out=tmp_path)
    assert result.passed, result.sentence
    assert result.report.num_images == 8
    assert "labels, loss and decoding work" in result.sentence


def test_labels_that_say_nothing_are_found(tmp_path, data):
    def shrink(record):
        low = np.asarray(record.xyxy).reshape(-1, 4)[:, :2]
        return replace(record, xyxy=tuple(map(tuple, np.concatenate([low, low + 0.4], axis=1).tolist())))

    result = self_test(DETECTOR, changed(data, shrink), "detector", config=TrainConfig(), out=tmp_path)
    assert not result.passed
    assert "at least 0.8 was expected" in result.sentence
    assert any("smaller than" in doubt for doubt in result.doubts)


def test_no_label_at_all_is_said(tmp_path, data):
    empty = changed(data, lambda record: replace(record, xyxy=(), labels=(), crowd=(), areas=()))
    with pytest.raises(DataError, match="no training picture has a label for the detector"):
        self_test(DETECTOR, empty, "detector", config=TrainConfig(), out=tmp_path)
