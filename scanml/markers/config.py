"""What is chosen about the recognition of markers."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanml.config import check_fields
from scanml.errors import ConfigError
from scanml.features.config import LocalConfig


@dataclass(frozen=True, kw_only=True)
class MatcherConfig:
    """When a marker counts as found.

    "Prototype" is a RootSIFT matcher measured 2026-11 on simulated frames over 1,000 printed covers; it chose its
    points more carefully than this one, whose own error rates are not measured. Constants without it are choices.
    """

    local: LocalConfig = field(default_factory=LocalConfig)
    max_points: int = 1000  # of a frame; the prototype took 400 to 600
    max_candidates: int = 5  # prototype: the truth is among the top 5 votes in 89 %, the top 20 in 91 %
    max_ratio: float = 0.8  # Lowe 2004, sec. 7.1: drops 90 % of false, under 5 % of true matches
    threshold_px: float = 3.0  # OpenCV's default for findHomography, at the scale of `local.max_side_px`
    min_inliers: int = 12  # at distinct places; prototype: no false match from 10 on, no recall lost against 8
    min_area: float = 0.005  # of the frame: 39 pixels a side at 640×480
    max_area: float = 4.0  # of the frame; beyond, fewer than 4 of the 16 blocks are in view
    # Pixel check; prototype: of 400 unlisted covers of a listed family 12 instead of 160 pass, and no recall is lost.
    min_correlation: float = 0.6  # median over blocks
    good_correlation: float = 0.4  # a block this much alike is good …
    min_good_share: float = 0.7  # … and this share must be: the rest may be covered
    min_blocks: int = 4  # of 16, in view and not flat

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 < self.max_ratio < 1:
            raise ConfigError(f"MatcherConfig.max_ratio must lie between 0 and 1, received {self.max_ratio}.")
        if self.min_inliers < 4:
            raise ConfigError(f"MatcherConfig.min_inliers: a homography needs 4, received {self.min_inliers}.")
        if not 0 <= self.min_area < self.max_area:
            raise ConfigError(f"MatcherConfig needs min_area < max_area, received {self.min_area}, {self.max_area}.")
        if min(self.max_points, self.max_candidates) < 1 or not self.threshold_px > 0:
            raise ConfigError(
                f"MatcherConfig needs max_points, max_candidates and threshold_px above 0, received {self}."
            )
