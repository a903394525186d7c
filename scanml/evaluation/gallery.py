"""Pictures of what was seen: boxes, truth beside prediction, a marker's outline, a whole reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from scanml.errors import DataError
from scanml.evaluation.canvas import Color, class_color
from scanml.evaluation.outlines import HALO, Outline, draw_labels, draw_outlines, line_width
from scanml.evaluation.panel import draw_panel, mount
from scanml.metrics import ImageTruth, pair_up
from scanml.metrics.detection.pairs import IN_CROWD, SPURIOUS
from scanml.structures import Boxes, Detections, RankedLens, SceneReading
from scanml.structures.arrays import Bools, Pixels

DRAW_FROM = 0.4  # in pictures for looking, weaker objects only clutter: a choice
LEGEND = "Dashed white: truth, found. Dashed red: truth, missed. Blue: right. Amber: wrong. Gray: a region of many."

_WHITE, _RED, _BLUE, _AMBER, _GRAY = (255, 255, 255), (255, 69, 58), (64, 156, 255), (255, 179, 36), (190, 196, 206)
_CROWD = "many: "
_MARKER = (255, 214, 10)
_READING_SIDES = (640, 1280)  # pixels: a reading's frame is scaled to this width at least, these sides at most


def draw_detections(pixels: Pixels, detections: Detections, *, min_score: float, min_width: int = 0) -> Pixels:
    """A copy of `pixels` (H, W, 3) with the objects of at least `min_score`, a color per class.

    A picture narrower than `min_width` pixels is enlarged first. Labels that do not fit at all are left out.

    Raises:
        DataError: `pixels` is not uint8 (H, W, 3), or the boxes belong to an image of another size.
    """
    canvas, scale = _enlarged(pixels, detections.boxes, min_width)
    shown = detections.above(min_score)
    labels = [f"{name} {score:.2f}" for name, score in zip(shown.label_names(), shown.scores, strict=True)]
    colors = [class_color(int(label)) for label in shown.labels]
    return draw_outlines(canvas, _outlines(shown.boxes, colors, labels, scale=scale))


def draw_truth(pixels: Pixels, truth: ImageTruth, names: Sequence[str], *, min_width: int = 0) -> Pixels:
    """A copy of `pixels` (H, W, 3) with what is truly there, a color per class; regions of many are dashed.

    Raises:
        DataError: as `draw_detections`.
    """
    canvas, scale = _enlarged(pixels, truth.boxes, min_width)
    colors = [class_color(int(label)) for label in truth.labels]
    labels = [
        f"{_CROWD if crowd else ''}{names[label]}" for label, crowd in zip(truth.labels, truth.crowd, strict=True)
    ]
    return draw_outlines(canvas, _outlines(truth.boxes, colors, labels, scale=scale, dashed=truth.crowd))


def draw_truth_and_prediction(
    pixels: Pixels, truth: ImageTruth, detections: Detections, *, min_width: int = 0
) -> Pixels:
    """A copy of `pixels` (H, W, 3) with truth dashed and predictions solid, in the colors of `LEGEND`.

    A prediction is right if it is the best one left for a truth of its class, with an IoU of at least 0.5; in a region
    of many it is neither right nor wrong. The labels of both are into `detections.names`.

    Raises:
        DataError: as `draw_detections`.
    """
    canvas, scale = _enlarged(pixels, truth.boxes, min_width)
    _check_size(pixels, detections.boxes)
    partner = pair_up(truth, detections, score=0.0).partner
    truth_colors, truth_labels = [], []
    for index, (label, crowd) in enumerate(zip(truth.labels, truth.crowd, strict=True)):
        found = index in partner
        truth_colors.append(_GRAY if crowd else _WHITE if found else _RED)
        truth_labels.append("" if found else f"{_CROWD if crowd else 'missed '}{detections.names[label]}")
    scored = zip(detections.label_names(), detections.scores, strict=True)
    labels = [f"{name} {score:.2f}" for name, score in scored]
    colors = [_AMBER if mate == SPURIOUS else _GRAY if mate == IN_CROWD else _BLUE for mate in partner]
    truths = _outlines(truth.boxes, truth_colors, truth_labels, scale=scale, dashed=np.ones(len(truth), np.bool_))
    return draw_outlines(canvas, truths + _outlines(detections.boxes, colors, labels, scale=scale))


def draw_marker(pixels: Pixels, corners: npt.ArrayLike, name: str) -> Pixels:
    """A copy of `pixels` (H, W, 3) with a marker's outline: `corners` (4, 2) in pixels, top left first, clockwise.

    An outline that is not finite is not drawn.
    """
    import cv2

    canvas = _copied(pixels)
    points = np.asarray(corners, dtype=np.float64)
    if points.shape != (4, 2):
        raise DataError(f"corners must have shape (4, 2), received {points.shape}.")
    if not np.isfinite(points).all():
        return canvas
    reach = 4.0 * max(canvas.shape[:2])  # farther out nothing is visible, and OpenCV's coordinates would overflow
    subpixel = np.round(np.clip(points, -reach, reach) * 16).astype(np.int32)
    filled = cv2.fillPoly(canvas.copy(), [subpixel], _MARKER, cv2.LINE_AA, 4)
    canvas = np.asarray(cv2.addWeighted(filled, 0.16, canvas, 0.84, 0.0), dtype=np.uint8)
    width = max(2, line_width(canvas))  # one anti-aliased pixel would fade
    cv2.polylines(canvas, [subpixel], True, HALO, width + 2, cv2.LINE_AA, 4)
    cv2.polylines(canvas, [subpixel], True, _MARKER, width, cv2.LINE_AA, 4)
    low, high = subpixel.min(axis=0) // 16, subpixel.max(axis=0) // 16
    place = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return draw_labels(canvas, [Outline(place, _MARKER, name)])


def draw_reading(
    pixels: Pixels,
    reading: SceneReading,
    ranked: Sequence[RankedLens],
    lens_names: Mapping[str, str],
    *,
    min_score: float = 0.0,
) -> Pixels:
    """The frame `pixels` (H, W, 3) with everything that was read in it, beside it the triggers and the ranked lenses.

    `lens_names` maps lens_id to the name that is shown (else the id). The frame is scaled to 640…1280 pixels.

    Raises:
        DataError: as `draw_detections`.
    """
    _check_size(pixels, reading.detections.boxes)
    scale = _reading_scale(pixels)
    canvas = _resized(pixels, scale)
    if reading.marker is not None:
        canvas = draw_marker(canvas, reading.marker.corners() * scale, reading.marker.marker_id)
    height, width = canvas.shape[:2]
    shown = reading.detections.above(min_score)
    # One side may have been rounded up to a pixel: the boxes follow the picture as it is now.
    ratio = np.array([width, height, width, height]) / np.tile(pixels.shape[1::-1], 2)
    scaled = Detections(Boxes(shown.boxes.xyxy * ratio, (height, width)), shown.scores, shown.labels, shown.names)
    drawn = draw_detections(canvas, scaled, min_score=min_score)
    unit = float(np.clip(height / 480, 1.0, 2.0))
    return mount(drawn, draw_panel(reading.triggers, ranked, lens_names, unit=unit, min_height=height), unit=unit)


def shrink(pixels: Pixels, *, max_side: int) -> Pixels:
    """`pixels` (H, W, 3) with no side above `max_side` pixels; a smaller picture stays as it is."""
    return _resized(pixels, min(1.0, max_side / max(pixels.shape[:2])))


def encode_jpeg(pixels: Pixels, quality: int = 88) -> bytes:
    """`pixels` uint8 (H, W, 3) RGB as JPEG bytes, `quality` 0…100."""
    import cv2

    return _encoded(pixels, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(pixels: Pixels) -> bytes:
    """`pixels` uint8 (H, W, 3) RGB as PNG bytes, without loss."""
    return _encoded(pixels, ".png", [])


def _encoded(pixels: Pixels, suffix: str, options: list[int]) -> bytes:
    import cv2

    return bytes(cv2.imencode(suffix, _copied(pixels)[..., ::-1], options)[1])


def _copied(pixels: Pixels) -> Pixels:
    picture = np.array(pixels, order="C")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise DataError(f"a picture must be uint8 (H, W, 3), received {picture.dtype} {picture.shape}.")
    return picture


def _check_size(pixels: Pixels, boxes: Boxes) -> None:
    if np.shape(pixels)[:2] != tuple(boxes.image_size):
        raise DataError(
            f"the boxes belong to an image of size {tuple(boxes.image_size)}, the picture is {np.shape(pixels)[:2]} "
            "(height, width); draw on the original picture."
        )


def _enlarged(pixels: Pixels, boxes: Boxes, min_width: int) -> tuple[Pixels, float]:
    _check_size(pixels, boxes)
    limit = 4 * max(min_width, 1)  # a 1 px wide column becomes no tower
    scale = max(1.0, min(min_width / pixels.shape[1], limit / pixels.shape[0]))
    return _resized(pixels, scale), scale


def _reading_scale(pixels: Pixels) -> float:
    height, width = pixels.shape[:2]
    low, high = _READING_SIDES
    return float(min(np.clip(width, low, high) / width, high / height))


def _resized(pixels: Pixels, scale: float) -> Pixels:
    import cv2

    if scale == 1.0:
        return _copied(pixels)
    size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(_copied(pixels), size, interpolation=method), dtype=np.uint8)


def _outlines(
    boxes: Boxes, colors: Sequence[Color], labels: Sequence[str], *, scale: float, dashed: Bools | None = None
) -> list[Outline]:
    corners = np.round(boxes.xyxy.astype(np.float64) * scale)
    height, width = (max(1, round(side * scale)) for side in boxes.image_size)
    corners = np.clip(corners, 0, [width, height, width, height]).astype(int)
    places = [(int(left), int(top), int(right), int(bottom)) for left, top, right, bottom in corners]
    dashes = np.zeros(len(boxes), np.bool_) if dashed is None else dashed
    return [Outline(*values[:3], dashed=bool(values[3])) for values in zip(places, colors, labels, dashes, strict=True)]
