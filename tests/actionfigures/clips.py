"""Clips of figures in places that no bundled network was trained on."""

from functools import cache

import numpy as np

from videxplain.actionfigures import LABELS, render_clip

PER_CLASS = 3


@cache
def unseen_clips() -> list[tuple[int, np.ndarray]]:
    """Class and frames ``(T, H, W, 3)`` of three clips a class; the data set has seed 0, these have 77."""
    return [
        (number, render_clip(label, seed=[77, number, turn], group_seed=[77, turn]).frames)
        for number, label in enumerate(LABELS)
        for turn in range(PER_CLASS)
    ]
