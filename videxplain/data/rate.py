"""The frame rate of a clip."""

import math
from numbers import Real

from videxplain.errors import VidexplainError

DEFAULT_FPS = 25.0
"""Frames per second where nobody says it: of images that were not prepared from a video, and of frames in memory."""


def checked_rate(fps: float) -> float:
    """Frames per second, if they are a positive number.

    Raises:
        VidexplainError: They are not.
    """
    if not (isinstance(fps, Real) and math.isfinite(fps) and fps > 0):
        raise VidexplainError(f"the frame rate is a positive number, not {fps!r}")
    return float(fps)
