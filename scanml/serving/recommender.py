"""The whole house on one page: a photo comes in, ranked lenses go out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scanml.datasets.catalog import load_lenses, load_markers
from scanml.datasets.images import decode_image
from scanml.errors import ConfigError
from scanml.markers import MarkerMatcher
from scanml.serving.config import RankingConfig
from scanml.serving.ranking import rank
from scanml.serving.scene_bundle import SceneBundle
from scanml.structures.frame import Frame
from scanml.structures.lens import LensCatalog, RankedLens
from scanml.structures.scene import SceneReading

_EXAMPLE = (
    '[{"lens_id": "astronaut", "name": "Astronaut", "triggers": {"sky": 1.0}, "objects": ["rocket"], '
    '"marker_ids": ["moon-poster"], "popularity": 0.5}]'
)


@dataclass(frozen=True, eq=False)
class Recommendation:
    """What was read in a photo, the lenses for it, best first, and the seconds that each stage took."""

    reading: SceneReading
    lenses: tuple[RankedLens, ...]
    seconds: Mapping[str, float]


class Recommender:
    """Answers photos with the model, markers and lenses of the bundle in `folder`.

    Raises:
        ArtifactError: the bundle is damaged or missing.
        ConfigError: it has no lenses; the message says how to write some.
    """

    def __init__(self, folder: Path, config: RankingConfig | None = None) -> None:
        self.scene = SceneBundle(folder)
        self.catalog = _load_catalog(self.scene.bundle.lenses)
        markers = self.scene.bundle.markers
        self.matcher = MarkerMatcher(load_markers(markers) if markers.is_dir() else ())
        self.config = config

    def recommend(self, data: bytes, frame_id: str, *, top_k: int = 10) -> Recommendation:
        """The best `top_k` lenses for a JPEG or PNG; `seconds` of decode, scene, markers and rank.

        Raises:
            DataError: the picture is broken; `frame_id` names it.
        """
        moments = [time.perf_counter()]
        frame = Frame(decode_image(data, where=frame_id), frame_id)
        moments.append(time.perf_counter())
        [reading] = self.scene.read([frame])
        moments.append(time.perf_counter())
        reading = replace(reading, marker=self.matcher.match(frame.pixels))
        moments.append(time.perf_counter())
        lenses = rank(reading, self.catalog, thresholds=self.scene.thresholds, top_k=top_k, config=self.config)
        moments.append(time.perf_counter())
        stages = ("decode", "scene", "markers", "rank")
        seconds = {stage: moments[i + 1] - moments[i] for i, stage in enumerate(stages)}
        return Recommendation(reading, lenses, seconds)


def _load_catalog(path: Path) -> LensCatalog:
    if not path.exists():
        raise ConfigError(
            f"{path}: the bundle has no lenses to recommend. Write this file, or lenses.json into the data folder "
            f"before `scanml run`: a list such as {_EXAMPLE}; only lens_id and name must be there."
        )
    return load_lenses(path)
