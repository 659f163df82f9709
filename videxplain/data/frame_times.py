"""When each frame is shown: the time stamps of a file, where they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A step between two frames is irregular from this share of the usual step on. Containers that round time stamps to
# milliseconds stay below it, and so do phones, whose steps waver a little.
_IRREGULAR = 0.25
# Up to this share of the steps, and up to so many, irregular ones are gaps; beyond both, the frame rate varies.
_FEW, _FEW_STEPS = 0.05, 2
# A gap is told from this many seconds on: one lost frame is nothing that a viewer would see.
_LONG_GAP_SECONDS = 0.2


@dataclass(frozen=True)
class Gaps:
    """Long steps between frames that otherwise come at a constant rate.

    Attributes:
        count: How many there are.
        after: The frame before the longest.
        seconds: How long that one lasts.
        fps: Frames per second without them.
    """

    count: int
    after: int
    seconds: float
    fps: float


def is_variable(stamps: Sequence[float]) -> bool:
    """Whether time stamps in seconds, one for each frame, show a variable frame rate.

    Time stamps that are missing (NaN) or go back say nothing.
    """
    steps = _steps(stamps)
    if steps is None:
        return False
    usual = float(np.median(steps))
    irregular = np.abs(steps - usual) > _IRREGULAR * usual
    return bool(irregular.sum() > _FEW_STEPS and irregular.mean() > _FEW)


def long_gaps(stamps: Sequence[float]) -> Gaps | None:
    """The gaps in time stamps of a constant frame rate, such as a recording that paused; None where there are none."""
    steps = _steps(stamps)
    if steps is None or is_variable(stamps):
        return None
    usual = float(np.median(steps))
    count = int((steps > usual + _LONG_GAP_SECONDS).sum())
    longest = int(np.argmax(steps))
    return Gaps(count, longest, float(steps[longest]), 1 / usual) if count else None


def frame_times(stamps: Sequence[float], fps: float) -> NDArray[np.float64]:
    """Seconds at which each frame is shown, ``(T,)``, the first at 0.

    A constant frame rate gives exactly ``index / fps``, also where time stamps are rounded, missing or go back; a
    variable one, and one with long gaps, give the time stamps.
    """
    if is_variable(stamps) or long_gaps(stamps):
        times = np.asarray(stamps, np.float64)
        return times - times[0]
    return np.arange(len(stamps)) / fps


def _steps(stamps: Sequence[float]) -> NDArray[np.float64] | None:
    """Seconds from frame to frame; None where time stamps are too few, missing, or go back."""
    times = np.asarray(stamps, np.float64)
    if len(times) < 3 or not np.isfinite(times).all():
        return None
    steps = np.diff(times)
    return None if (steps <= 0).any() else steps
