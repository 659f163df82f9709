"""A thin strip below the frames of a video: the contribution of each frame, and a marker at the frame that is shown."""

import cv2
import numpy as np

from videxplain.viz.colour import NEGATIVE, POSITIVE, RGB, rgb

BACKGROUND: RGB = (22, 24, 28)
BASELINE: RGB = (96, 100, 108)
MARKER: RGB = (255, 255, 255)
FINER = 4
"""Drawn this many times larger and averaged down: OpenCV's filled polygons are not anti-aliased."""


def strip_height(size: tuple[int, int]) -> int:
    """Return the height of the strip for frames of ``(height, width)``: 8 % of the shorter side, even, at least 24."""
    return max(24, 2 * round(0.04 * min(size)))


class Timeline:
    """Draws the strip once. For each frame, only the played part is lit and the marker moves."""

    def __init__(
        self,
        temporal: np.ndarray,
        size: tuple[int, int],
        below: np.ndarray | None = None,
        times: np.ndarray | None = None,
    ) -> None:
        """Draw the curve.

        Args:
            temporal: ``(T,)`` contribution of each frame; zero is the base line, negative goes below it.
            size: Height and width of the frames the strip goes under.
            below: ``(T,)``, another part of the contribution, never negative, that is drawn downwards.
            times: ``(T,)`` seconds at which each frame is shown; None where all are shown for the same time.
        """
        self.height = strip_height(size)
        self.width = size[1]
        self._ends = _shares_of_time(len(temporal), times)
        curve = np.asarray(temporal, dtype=np.float64)
        down = curve if below is None else -np.asarray(below, dtype=np.float64)
        self._ahead = self._draw(curve, down, strength=0.45)
        self._played = self._draw(curve, down, strength=1.0)
        self._marker_width = max(1.0, self.height / 16)

    def strip(self, index: int) -> np.ndarray:
        """The strip ``(height, width, 3)`` uint8 RGB while frame ``index`` is shown."""
        centre = self._x(index)
        picture = self._ahead.copy()
        picture[:, : int(centre)] = self._played[:, : int(centre)]
        half = self._marker_width / 2
        # Keep the marker whole at both ends.
        centre = min(max(centre, half), self.width - half)
        first, last = int(centre - half), min(int(np.ceil(centre + half)), self.width)
        columns = np.arange(first, last)
        covered = np.minimum(columns + 1, centre + half) - np.maximum(columns, centre - half)
        share = covered[None, :, None]
        mixed = picture[:, first:last] * (1 - share) + np.array(MARKER) * share
        picture[:, first:last] = np.rint(mixed).astype(np.uint8)
        return picture

    def under(self, frame: np.ndarray, index: int) -> np.ndarray:
        """``frame`` ``(H, W, 3)`` with the strip below it: ``(H + height, W, 3)``."""
        return np.concatenate([frame, self.strip(index)])

    def _x(self, index: int) -> float:
        """The middle of the time for which a frame is shown."""
        return float(self._ends[index] + self._ends[index + 1]) / 2 * self.width

    def _draw(self, curve: np.ndarray, down: np.ndarray, strength: float) -> np.ndarray:
        """The strip without marker; ``strength`` below 1 mixes the curve with the background."""
        height, width = self.height * FINER, self.width * FINER
        picture = np.full((height, width, 3), BACKGROUND, np.uint8)
        top, bottom = max(curve.max(), 0.0), min(down.min(), 0.0)
        reach = (top - bottom) or 1.0
        margin = 0.12 * height
        zero = margin + (height - 2 * margin) * (top / reach if top - bottom else 1.0)

        ends = np.array([self._x(index) for index in range(len(curve))]) * FINER
        ends = np.concatenate([[0], ends, [width]])
        for sign, colour, part in ((1, POSITIVE, curve), (-1, NEGATIVE, down)):
            x, values = _with_crossings(ends, np.concatenate([part[:1], part, part[-1:]]))
            y = zero - np.maximum(sign * values, 0) * sign / reach * (height - 2 * margin)
            outline = np.concatenate([np.stack([x, y], 1), [[width, zero], [0, zero]]])
            cv2.fillPoly(picture, [np.rint(outline).astype(np.int32)], _mix(rgb(colour), strength))
        thickness = max(FINER, round(height / 60))
        start = round(zero - thickness / 2)
        picture[start : start + thickness] = _mix(BASELINE, max(strength, 0.7))
        return cv2.resize(picture, (self.width, self.height), interpolation=cv2.INTER_AREA)


def _shares_of_time(count: int, times: np.ndarray | None) -> np.ndarray:
    """Where each frame begins and the last one ends, ``(T + 1,)``, as shares of the whole time."""
    if times is None or count < 2:
        return np.arange(count + 1) / count
    # How long the last frame is shown is not known: as long as is usual.
    ends = np.append(times, times[-1] + np.median(np.diff(times))) - times[0]
    return np.asarray(ends / ends[-1])


def _mix(colour: RGB, strength: float) -> RGB:
    red, green, blue = (round(b + strength * (c - b)) for c, b in zip(colour, BACKGROUND, strict=True))
    return red, green, blue


def _with_crossings(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The polyline with its zero crossings added, so that each half can be clipped exactly."""
    before, after = values[:-1], values[1:]
    crossing = np.flatnonzero(before * after < 0)
    at = x[crossing] + np.diff(x)[crossing] * before[crossing] / (before[crossing] - after[crossing])
    return np.insert(x, crossing + 1, at), np.insert(values, crossing + 1, 0.0)
