"""What is chosen about answers to a frame."""

from __future__ import annotations

from dataclasses import dataclass

from scanml.config import check_fields
from scanml.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class RankingConfig:
    """The constants of the plain ranking rule (`serving.ranking`); conventions of ours, no measured optimum."""

    object_weight: float = 0.9  # an object counts a little less than a trigger of weight 1, chosen by the lens's author
    min_evidence: float = 0.2  # under it a trigger or object does not explain a lens: mostly noise of the models
    popularity_weight: float = 0.1  # score of the most popular lens without evidence; under every explained lens

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 <= self.popularity_weight < self.min_evidence <= 1 or not 0 <= self.object_weight <= 1:
            raise ConfigError(
                "RankingConfig needs 0 <= popularity_weight < min_evidence <= 1 and object_weight in [0, 1], "
                f"received {self}."
            )
