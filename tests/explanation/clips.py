"""Clips whose evidence is known, because it was put there."""

import numpy as np

from videxplain.data.clip import Clip

SIDE = 16
"""Side of the planted square in pixels; the clip has 64 x 64."""


def corner(t: int) -> tuple[int, int]:
    """Top and left of the square in frame t: it moves a pixel down and a pixel to the left each frame."""
    return 4 + t, 40 - t


def planted(frames: int, first: int, last: int) -> Clip:
    """A white square on dark grey, there from frame ``first`` to ``last``."""
    video = np.full((frames, 64, 64, 3), 40, np.uint8)
    for t in range(first, last + 1):
        y, x = corner(t)
        video[t, y : y + SIDE, x : x + SIDE] = 255
    return Clip(video, 25)


def flat(frames: int, grey: int, size: int = 8) -> Clip:
    """The same grey everywhere."""
    return Clip(np.full((frames, size, size, 3), grey, np.uint8), 25)
