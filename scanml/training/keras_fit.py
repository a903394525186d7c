"""For those who train with Keras's own `fit`: our losses as a model's loss, our batches as Keras reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from scanml.datasets.pipeline import BatchSource
from scanml.errors import ConfigError
from scanml.ops.augment import render
from scanml.structures.arrays import Tensor
from scanml.structures.batches import Batch
from scanml.training.objectives import OBJECTIVES

if TYPE_CHECKING:
    from scanml.models.build import SceneNetwork


def attach_loss(model: SceneNetwork) -> SceneNetwork:
    """The same detector or classifier, whose `fit` minimizes what `train` does; `compile` it without a loss.

    A detector's loss pairs truths with all of its outputs at once, which a loss of Keras, called output by output,
    cannot. `fit` takes batches (image, truth): `FitBatches`, or tuples of your own, where truth is a dictionary of
    what `structures.batches` lists beside the image. A `.keras` file keeps weights and optimizer, not the loss: attach
    it again to go on. `fit` neither averages weights nor chooses a classifier's temperature and thresholds, as `train`
    does.

        model = attach_loss(SceneDetector(SceneDetectorConfig(), data.train.labels))
        model.compile(keras.optimizers.AdamW(2e-3))
        model.fit(FitBatches(source, num_batches=100), epochs=20, callbacks=[CocoCallback(data.validation)])
    """
    objective = OBJECTIVES[model.task](model)

    def compute_loss(x: Tensor, y: Batch, y_pred: Batch, sample_weight: Tensor = None, training: bool = True) -> Tensor:
        if sample_weight is not None:
            raise ConfigError("scanml's losses have no weight per sample; give fit batches of (image, truth).")
        return objective(y_pred, y)["loss"]

    # On this one model: its class lies a floor below the objectives, and one of another class would save another file.
    model.compute_loss = compute_loss
    return model


class FitBatches(keras.utils.PyDataset):
    """`num_batches` batches (image, truth) of a `BatchSource` an epoch; every epoch goes on where the last one ended.

    All have room for as many truths as the fullest picture has, since `fit` on TensorFlow wants one shape.
    """

    def __init__(self, source: BatchSource, *, num_batches: int, **options: Any) -> None:
        super().__init__(**options)
        self.source, self._count, self._first = source, num_batches, 0
        pictures = 4 if source.augment.mosaic else 1  # in one
        self._room = pictures * max(len(record.labels) for record in source.split.records)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Batch]:
        batch = render(self.source.batch(self._first + index), self.source.image_size)
        truth = {name: values for name, values in batch.items() if name != "image"}
        if "labels" in truth:
            truth = {name: self._pad(values, fill=-1 if name == "labels" else 0) for name, values in truth.items()}
        return batch["image"], truth

    def on_epoch_end(self) -> None:
        """The next epoch begins with the next update."""
        self._first += self._count

    def _pad(self, values: Tensor, *, fill: int) -> Tensor:
        """(B, M, …) → (B, room, …); a source pads batch by batch."""
        shape = (values.shape[0], max(self._room, 1), *values.shape[2:])
        padded = np.full(shape, fill, values.dtype)
        padded[:, : values.shape[1]] = values[:, : shape[1]]  # beyond the fullest picture there is only padding
        return padded
