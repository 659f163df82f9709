"""Draws a raw map over a frame."""

from collections.abc import Callable
from functools import lru_cache, partial

import cv2
import numpy as np

from videxplain.boxes import Box, box_slices
from videxplain.viz.colour import cover, lut
from videxplain.viz.style import current_style

NO_EVIDENCE, CONSTANT = "no positive evidence", "same value everywhere"
DEFAULT_OPACITY = 0.6
_UNSEEN = 0.35
"""Brightness of the part of a frame that the network did not see, as a share of the original."""
_BEHIND_BANNER = (166, 27, 27)
"""The warning colour of a light page as RGB."""


def enlarge(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a map.

    Enlarging is bilinear between pixel centres (``F.interpolate(mode="bilinear", align_corners=False)``);
    along an axis that shrinks, values are averaged over the area they come from.

    Args:
        values: ``(h, w)`` or ``(h, w, C)``, any real dtype.
        size: Height and width wanted.

    Returns:
        ``(height, width)`` or ``(height, width, C)`` float32.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    height, width = size
    shrunk = min(values.shape[0], height), min(values.shape[1], width)
    if shrunk != values.shape[:2]:
        values = cv2.resize(values, shrunk[::-1], interpolation=cv2.INTER_AREA)
    if shrunk != (height, width):
        values = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    return values


def enlarge_into(values: np.ndarray, size: tuple[int, int], box: Box | None) -> np.ndarray:
    """Resize a map ``(h, w)`` to a box of a frame of ``size``; it is zero outside. None stands for the whole frame."""
    if box is None:
        return enlarge(values, size)
    rows, columns = box_slices(box, size)
    large = np.zeros(size, np.float32)
    large[rows, columns] = enlarge(values, (rows.stop - rows.start, columns.stop - columns.start))
    return large


def draw_inside(frame: np.ndarray, box: Box | None, draw: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply ``draw`` to the part of a frame ``(H, W, 3)`` that the network saw, and dim the rest.

    Args:
        frame: uint8 RGB.
        box: The part, in pixels of ``frame``; None for the whole frame.
        draw: Makes a picture of the same size.
    """
    if box is None:
        return draw(frame)
    rows, columns = box_slices(box, (frame.shape[0], frame.shape[1]))
    picture = cv2.convertScaleAbs(np.ascontiguousarray(frame), alpha=_UNSEEN)
    picture[rows, columns] = draw(np.ascontiguousarray(frame[rows, columns]))
    return picture


def overlay(
    frame: np.ndarray,
    values: np.ndarray,
    limit: float,
    *,
    colormap: str | None = None,
    opacity: float = DEFAULT_OPACITY,
    empty: str = NO_EVIDENCE,
    box: Box | None = None,
) -> np.ndarray:
    """Draw a map over a frame.

    ``values / limit`` is clipped to [0, 1]. The colour and its opacity (:func:`videxplain.viz.colour.cover`) grow with
    it, so the frame is unchanged where it is zero. Use one ``limit`` for a whole video, or the colours flicker.

    Args:
        frame: ``(H, W, 3)`` uint8 RGB.
        values: ``(h, w)`` raw map at any resolution.
        limit: The value that gets the brightest colour. At or below zero there is nothing to highlight
            anywhere; the frame is then paled and says so.
        colormap: Name of a matplotlib colour map; None for that of the style.
        opacity: How much of the frame the brightest colour hides, in [0, 1].
        empty: What a frame with nothing to highlight says.
        box: The part of the frame that the network saw, in pixels, over which the map lies; the rest is dimmed. None
            for the whole frame.

    Returns:
        ``(H, W, 3)`` uint8 RGB, a new array.
    """
    if box is not None:
        draw = partial(overlay, values=values, limit=limit, colormap=colormap, opacity=opacity, empty=empty)
        return draw_inside(frame, box, draw)
    covers, keeps = _tables(colormap or current_style().colormap, opacity)
    frame = np.ascontiguousarray(frame)  # OpenCV refuses views that run backwards.
    if not limit > 0:
        return _without_evidence(frame, empty)
    # Scaling commutes with bilinear interpolation, so it is done on the few values of the small map.
    level = enlarge(np.asarray(values, dtype=np.float32) * np.float32(255 / limit), frame.shape[:2])
    index = cv2.convertScaleAbs(np.maximum(level, 0))
    kept = cv2.multiply(frame, cv2.applyColorMap(index, keeps), scale=1 / 255)
    return cv2.add(kept, cv2.applyColorMap(index, covers))


@lru_cache(maxsize=16)
def _tables(colormap: str, opacity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return two tables for OpenCV by level: the colour times its opacity, and the share of the frame that is left."""
    alpha = cover(opacity)[:, None]
    covers = np.rint(lut(colormap) * alpha).astype(np.uint8)
    keeps = np.rint(255 * (1 - alpha)).astype(np.uint8).repeat(3, axis=1)
    return covers[:, None], keeps[:, None]


def _without_evidence(frame: np.ndarray, words: str) -> np.ndarray:
    """Return the frame in pale colours, with a caption at the bottom left."""
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = cv2.addWeighted(frame, 0.4, grey, 0.6, 0)
    caption(picture, words)
    return picture


def banner(picture: np.ndarray, text: str) -> None:
    """Write a warning across the top of an ``(H, W, 3)`` uint8 picture, in place, as wide as the picture."""
    height, width = picture.shape[:2]
    font, margin = cv2.FONT_HERSHEY_SIMPLEX, max(2, width // 60)
    (natural_width, _), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min((width - 2 * margin) / natural_width, max(0.5, height / 500))
    thickness = max(1, round(1.5 * scale))
    (text_width, text_height), descent = cv2.getTextSize(text, font, scale, thickness)
    picture[: min(height, text_height + descent + 2 * margin)] = _BEHIND_BANNER
    origin = ((width - text_width) // 2, margin + text_height)
    cv2.putText(picture, text, origin, font, scale, (255, 255, 255), thickness, cv2.LINE_AA)


def caption(picture: np.ndarray, text: str, *, top: bool = False) -> None:
    """Write one line at the bottom left, or top left, of an ``(H, W, 3)`` uint8 picture, in place, sized to fit it."""
    height, width = picture.shape[:2]
    font = cv2.FONT_HERSHEY_SIMPLEX
    (natural_width, natural_height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(max(0.4, min(height, width) / 600), 0.8 * width / natural_width)
    thickness = max(1, round(1.5 * scale))
    (text_width, text_height), descent = cv2.getTextSize(text, font, scale, thickness)
    margin = max(2, round(0.35 * natural_height * scale))
    tall = min(height, text_height + descent + 3 * margin)
    right = min(width, text_width + 4 * margin)
    first = 0 if top else height - tall
    behind = picture[first : first + tall, :right]
    behind //= 4
    origin = (2 * margin, first + tall - descent - margin)
    cv2.putText(picture, text, origin, font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
