"""Lenses for a frame by a plain rule: its marker, then what is seen, then what is popular."""

from __future__ import annotations

from collections.abc import Mapping

from scanml.errors import ConfigError
from scanml.serving.config import RankingConfig
from scanml.structures.lens import Lens, LensCatalog, RankedLens, Reason
from scanml.structures.scene import Detections, SceneReading

_MARKER_SCORE = 2.0  # above all evidence, which ends at 1


def rank(
    reading: SceneReading,
    catalog: LensCatalog,
    *,
    thresholds: Mapping[str, float] | None = None,
    top_k: int = 10,
    config: RankingConfig | None = None,
) -> tuple[RankedLens, ...]:
    """The best `top_k` lenses for a frame, best first, each with its reason; fewer if the catalogue is smaller.

    1. *marker*: a lens of the recognised marker scores 2 + the match's similarity.
    2. *trigger* or *object*, whichever says more (trigger at a tie): evidence is the largest trigger probability × the
       lens's weight for it, or `object_weight` × the best detection among the lens's objects, at most 1. From
       `min_evidence` on it is the score. A trigger below its threshold in `thresholds`, by name, was not seen.
    3. *popularity*: any other lens scores `popularity_weight` × popularity.

    Equal scores: the more popular lens, then the smaller lens_id. Scores never rise with the rank.

    Raises:
        ConfigError: `top_k` is less than 1.
    """
    if top_k < 1:
        raise ConfigError(f"top_k must be at least 1, received {top_k}.")
    config, thresholds = config or RankingConfig(), thresholds or {}
    triggers, objects = reading.triggers.seen(thresholds), _best_by_name(reading.detections)
    scored = [(lens, *_score(lens, reading, triggers, objects, config=config)) for lens in catalog.lenses]
    scored.sort(key=lambda entry: (-entry[1], -entry[0].popularity, entry[0].lens_id))
    return tuple(
        RankedLens(lens.lens_id, score, place, reason) for place, (lens, score, reason) in enumerate(scored[:top_k], 1)
    )


def _score(
    lens: Lens,
    reading: SceneReading,
    triggers: Mapping[str, float],
    objects: Mapping[str, float],
    *,
    config: RankingConfig,
) -> tuple[float, Reason]:
    if reading.marker is not None and reading.marker.marker_id in lens.marker_ids:
        return _MARKER_SCORE + reading.marker.similarity, "marker"
    by_trigger = max((triggers.get(name, 0.0) * weight for name, weight in lens.triggers.items()), default=0.0)
    by_object = config.object_weight * max((objects.get(name, 0.0) for name in lens.objects), default=0.0)
    evidence = min(1.0, max(by_trigger, by_object))
    if evidence < config.min_evidence:
        return config.popularity_weight * lens.popularity, "popularity"
    return evidence, "trigger" if by_trigger >= by_object else "object"


def _best_by_name(detections: Detections) -> dict[str, float]:
    best: dict[str, float] = {}
    for name, score in zip(detections.label_names(), detections.scores, strict=True):
        best.setdefault(name, float(score))  # best first
    return best
