"""Which marker a frame shows, and where: descriptors vote, geometry and pixels decide."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scanml.errors import DataError
from scanml.features.local import DESCRIPTOR_SIZE, extract_local, shrink
from scanml.markers.config import MatcherConfig
from scanml.structures.arrays import Bools, Doubles, Floats, Pixels
from scanml.structures.marker import LocalFeatures, Marker, MarkerMatch

_BLOCKS = 4  # blocks a side of the pixel check
_THUMBNAIL_PX = 64  # side of the thumbnail that is compared: forgives poses that are a few pixels off
_OVERSAMPLING = 4  # samples a side for each thumbnail pixel, averaged against aliasing
_FLAT = 2.0  # gray levels (standard deviation) under which a block says nothing: noise outweighs it
_QUERY_CHUNK = 256  # rows of the similarity matrix at a time: 51 MB for 100 markers of 500 points
_SAME = 3  # decimals to which similarities must agree to count as the same artwork


class MarkerMatcher:
    """Finds at most one of `markers` in a frame. The search is exact and costs time in proportion to their number.

    Raises:
        DataError: a marker_id occurs twice.

    >>> MarkerMatcher([]).match(np.zeros((480, 640, 3), np.uint8)) is None
    True
    """

    def __init__(self, markers: Sequence[Marker], config: MatcherConfig | None = None) -> None:
        self.config = config or MatcherConfig()
        self.markers = tuple(sorted(markers, key=lambda marker: marker.marker_id))
        ids = [marker.marker_id for marker in self.markers]
        twice = sorted({marker_id for marker_id in ids if ids.count(marker_id) > 1})
        if twice:
            raise DataError(f"markers: marker_id {', '.join(map(repr, twice))} occurs twice; ids must be unique.")
        known = [marker.features.descriptors for marker in self.markers]
        self._descriptors = np.concatenate([np.zeros((0, DESCRIPTOR_SIZE), np.float32), *known])
        self._owners = np.repeat(np.arange(len(known)), [len(descriptors) for descriptors in known])
        self._thumbnails = [_thumbnail(_gray(marker.pixels)) for marker in self.markers]

    def match(self, pixels: Pixels) -> MarkerMatch | None:
        """The marker seen in an RGB frame, uint8 (H, W, 3), or None; the same answer every time.

        Its `similarity` is the median correlation of gray levels between the marker and the frame rectified to it, over
        the blocks in view (1: equal up to brightness and contrast). The most similar marker wins; among equals (the
        same artwork under several ids) the first marker_id. The homography takes marker pixels to those of `pixels`.

        Source: Barath et al. 2020 (MAGSAC++), as OpenCV implements it.

        Raises:
            DataError: `pixels` is not uint8 (H, W, 3).
        """
        small = shrink(pixels, max_side_px=self.config.local.max_side_px)
        features = extract_local(small, max_points=self.config.max_points, config=self.config.local)
        if len(features) < self.config.min_inliers:
            return None
        gray = _gray(small)
        scale = np.diag([pixels.shape[1] / small.shape[1], pixels.shape[0] / small.shape[0], 1.0])
        matches = [self._verify(index, features, gray=gray, scale=scale) for index in self._vote(features.descriptors)]
        found = [match for match in matches if match is not None]
        return min(found, key=lambda match: (-round(match.similarity, _SAME), match.marker_id), default=None)

    def _vote(self, descriptors: Floats) -> list[int]:
        """Indices of the markers to look at: every descriptor votes for the owner of its nearest neighbor."""
        if not len(self._descriptors):
            return []
        votes = np.zeros(len(self.markers), dtype=np.int64)
        for start in range(0, len(descriptors), _QUERY_CHUNK):
            nearest = (descriptors[start : start + _QUERY_CHUNK] @ self._descriptors.T).argmax(axis=1)
            votes += np.bincount(self._owners[nearest], minlength=len(votes))
        order = np.argsort(-votes, kind="stable")
        return [int(index) for index in order[: self.config.max_candidates]]

    def _verify(self, index: int, features: LocalFeatures, *, gray: Pixels, scale: Doubles) -> MarkerMatch | None:
        """The match if marker `index` is in the frame `gray` (H, W); `scale` takes its pixels to the caller's frame."""
        config, marker = self.config, self.markers[index]
        in_frame, in_marker = ratio_matches(
            features.descriptors, marker.features.descriptors, max_ratio=config.max_ratio
        )
        source, target = marker.features.points_xy[in_marker], features.points_xy[in_frame]
        homography, inliers = _fit(source, target, config=config)
        num_inliers = min(_num_distinct(source[inliers]), _num_distinct(target[inliers]))
        if homography is None or num_inliers < config.min_inliers:
            return None
        size = (marker.pixels.shape[0], marker.pixels.shape[1])
        area = quad_area(homography, size=size) / gray.size
        if not config.min_area <= area <= config.max_area:
            return None
        correlations = _block_correlations(self._thumbnails[index], gray, homography, size=size)
        if not _is_alike(correlations, config):
            return None
        similarity = float(np.clip(np.median(correlations), 0, 1))
        return MarkerMatch(marker.marker_id, similarity, num_inliers, scale @ homography, size)


def ratio_matches(
    queries: Floats, references: Floats, *, max_ratio: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Row numbers (M,), (M,) of unit descriptors whose nearest reference is clearly nearer than the second nearest.

    Source: Lowe 2004, sec. 7.1. Fewer than two references match nothing.
    """
    if len(references) < 2 or not len(queries):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    similarity = queries @ references.T
    nearest = similarity.argmax(axis=1)
    first, second = -np.partition(-similarity, 1, axis=1)[:, :2].T
    # |a - b|² = 2 - 2ab for unit vectors; rounding may take it below 0.
    kept = np.maximum(2 - 2 * first, 0) < max_ratio**2 * np.maximum(2 - 2 * second, 0)
    return np.flatnonzero(kept), nearest[kept]


def quad_area(homography: Doubles, *, size: tuple[int, int]) -> float:
    """Area in square frame pixels of a marker of `size` (height, width) seen through `homography`.

    0.0 where no camera can see it so: behind the camera, mirrored, or not convex.

    >>> quad_area(np.eye(3), size=(2, 3))
    6.0
    """
    height, width = size
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]]) @ homography.T
    if (corners[:, 2] <= 0).any():
        return 0.0
    quad = corners[:, :2] / corners[:, 2:]
    sides = np.roll(quad, -1, axis=0) - quad
    following = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    if (turns <= 0).any():
        return 0.0
    return float(cv2.contourArea(quad.astype(np.float32)))


def _fit(source: Floats, target: Floats, *, config: MatcherConfig) -> tuple[Doubles | None, Bools]:
    """The homography source → target with its last entry 1, and which of the (M, 2) pairs follow it, (M,)."""
    nothing = np.zeros(len(source), dtype=np.bool_)
    if len(source) < config.min_inliers:
        return None, nothing
    homography, inliers = cv2.findHomography(source, target, cv2.USAC_MAGSAC, config.threshold_px)
    if homography is None or not np.isfinite(homography).all() or abs(homography[2, 2]) < np.finfo(np.float64).eps:
        return None, nothing
    return np.asarray(homography / homography[2, 2], dtype=np.float64), inliers.ravel().astype(np.bool_)


def _num_distinct(points: Floats) -> int:
    """How many whole pixels the points (M, 2) fall on: SIFT gives one place several orientations."""
    return len(np.unique(np.floor(points), axis=0))


def _block_correlations(thumbnail: Floats, gray: Pixels, homography: Doubles, *, size: tuple[int, int]) -> Floats:
    """Correlation (B,) in [-1, 1] of each block in view between a marker's thumbnail and the frame rectified to it."""
    side = _THUMBNAIL_PX * _OVERSAMPLING
    height, width = size
    to_marker = np.array([[width / side, 0, 0.5 * width / side], [0, height / side, 0.5 * height / side], [0, 0, 1]])
    to_index = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # OpenCV calls the center of the first pixel 0
    warp = to_index @ homography @ to_marker
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    rectified = cv2.warpPerspective(gray, warp, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpPerspective(np.full_like(gray, 255), warp, (side, side), flags=flags)
    seen = _blocks(_thumbnail(inside)).min(axis=1) > 254
    ours, theirs = (_blocks(picture) for picture in (thumbnail, _thumbnail(rectified)))
    ours, theirs = ours[seen], theirs[seen]
    ours, theirs = ours - ours.mean(axis=1, keepdims=True), theirs - theirs.mean(axis=1, keepdims=True)
    deviation, other = ours.std(axis=1), theirs.std(axis=1)
    correlations = (ours * theirs).mean(axis=1) / np.maximum(deviation * other, np.finfo(np.float32).tiny)
    return np.asarray(correlations[deviation > _FLAT], dtype=np.float32)


def _is_alike(correlations: Floats, config: MatcherConfig) -> bool:
    if len(correlations) < config.min_blocks or np.median(correlations) < config.min_correlation:
        return False
    return float((correlations > config.good_correlation).mean()) >= config.min_good_share


def _blocks(thumbnail: Floats) -> Floats:
    """The thumbnail's pixels as (16, 256), one row a block."""
    side = _THUMBNAIL_PX // _BLOCKS
    blocks = thumbnail.reshape(_BLOCKS, side, _BLOCKS, side).swapaxes(1, 2)
    return np.asarray(blocks.reshape(_BLOCKS**2, side**2), dtype=np.float32)


def _thumbnail(gray: Pixels) -> Floats:
    small = cv2.resize(gray, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def _gray(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
