"""Clips of figures in places that no bundled network was trained on, in the look that it was trained on."""

from functools import cache
from pathlib import Path

import numpy as np

from videxplain.actionfigures import LABELS, render_clip
from videxplain.actionfigures.synthesis import LOOK
from videxplain.data.video import read_frames

PER_CLASS = 3
RECORDED = 3
"""The look of the clips in ``look3``, rendered before `LOOK` rose; networks whose file names no look learned it."""


@cache
def unseen_clips(look: int) -> list[tuple[int, np.ndarray]]:
    """Class and frames ``(T, H, W, 3)`` of three clips a class; the data set has seed 0, these have 77."""
    if look not in (RECORDED, LOOK):
        raise ValueError(f"nothing renders or holds clips of look {look}")
    folder = Path(__file__).parent / f"look{RECORDED}"
    return [
        (
            number,
            render_clip(label, seed=[77, number, turn], group_seed=[77, turn]).frames
            if look == LOOK
            else read_frames(folder / f"{label}_{turn}.mp4")[0],
        )
        for number, label in enumerate(LABELS)
        for turn in range(PER_CLASS)
    ]
