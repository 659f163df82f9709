"""When each frame is shown: the time stamps of a file, where they can be trusted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A step between two frames is irregular from this share of the usual step on. Containers that round time stamps to
# milliseconds stay below it, and so do phones, whose steps waver a little.
_IRREGULAR = 0.25
# A few long steps are lost packets; from this share of the steps on, the frame rate varies.
_FEW = 0.05


def is_variable(stamps: Sequence[float]) -> bool:
    """Whether time stamps in seconds, one for each frame, show a variable frame rate.

    Time stamps that are missing (NaN) or go back say nothing.
    """
    times = np.asarray(stamps, np.float64)
    if len(times) < 3 or not np.isfinite(times).all():
        return False
    steps = np.diff(times)
    if (steps <= 0).any():
        return False
    usual = float(np.median(steps))
    return bool((np.abs(steps - usual) > _IRREGULAR * usual).mean() > _FEW)


def frame_times(stamps: Sequence[float], fps: float) -> NDArray[np.float64]:
    """Seconds at which each frame is shown, ``(T,)``, the first at 0.

    A constant frame rate gives exactly ``index / fps``, also where time stamps are rounded, missing or go back; a
    variable one gives the time stamps.
    """
    if is_variable(stamps):
        times = np.asarray(stamps, np.float64)
        return times - times[0]
    return np.arange(len(stamps)) / fps
