"""What is chosen about training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from scanml.config import check_fields
from scanml.datasets.config import AugmentConfig
from scanml.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained; steps are updates."""

    steps: int = 2_000
    batch_size: int = 8  # from scratch more updates teach more than larger batches; on a CPU it is no slower
    learning_rate: float = 2e-3
    warmup_steps: int = 100  # at most a tenth of `steps` is used
    final_rate: float = 0.02  # the cosine ends at this fraction of the learning rate
    weight_decay: float = 0.02  # AdamW; not on biases and normalization
    clip_norm: float = 10.0  # global gradient norm
    average_decay: float = 0.998  # of the weights; reached slowly: min(decay, (1 + t) / (10 + t))
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    backend: Literal["tensorflow", "jax"] = "tensorflow"
    accumulate: int = 1  # a batch that does not fit goes through in so many parts; their gradients are averaged
    updates_per_call: int = 1  # one compiled call: raise it where an update takes less than some 20 ms
    xla: Literal["auto", "on", "off"] = "auto"  # TensorFlow only: auto is on for a GPU
    devices: Literal["one", "all"] = "one"  # of this process; each gets its share of a batch
    seed: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    log_every: int = 20
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        check_fields(self)
        counts = ("steps", "batch_size", "accumulate", "updates_per_call", "log_every", "checkpoint_every")
        ones = dict.fromkeys(counts, 1)
        for name, least in (ones | {"warmup_steps": 0, "weight_decay": 0, "seed": 0}).items():
            if getattr(self, name) < least:
                raise ConfigError(f"train.{name} must be at least {least}, received {getattr(self, name)}.")
        if self.batch_size % self.accumulate:
            raise ConfigError(
                f"train.accumulate must divide train.batch_size ({self.batch_size}), received {self.accumulate}."
            )
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"train.{name} must be positive, received {getattr(self, name)}.")
        if self.seed >= 2**32:  # NumPy takes no more
            raise ConfigError(f"train.seed must be below 2**32, received {self.seed}.")
        if not 0 <= self.final_rate <= 1:
            raise ConfigError(f"train.final_rate must lie in [0, 1], received {self.final_rate}.")
        if not 0 <= self.average_decay < 1:
            raise ConfigError(f"train.average_decay must lie in [0, 1), received {self.average_decay}.")
