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
# A frame may be shown so much earlier or later than its number says.
_MOST_DRIFT_SECONDS = 0.2
# A declared rate is contradicted by a usual step that differs by more than this share.
RATE_TOLERANCE = 0.05
# A clock that goes back to this many seconds behind the first frame, or less, begins anew.
_ANEW_SECONDS = 1.0


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


def rate_of(stamps: Sequence[float], fps: float) -> tuple[float, str]:
    """Frames per second as the time stamps have them, and what is to be said of it; no words where all is even.

    A file declares the mean rate of all its frames. It says little of the first ones, if the rate changes later or the
    last frame stays for long. A rate that is only a little wrong adds up over a long video.

    Args:
        stamps: Time stamps in seconds, one for each frame.
        fps: The declared rate, which is kept where the time stamps do not contradict it.
    """
    times = _growing(stamps)
    if times is None:
        return fps, ""
    steps = np.diff(times)
    mean = 1 / float(steps.mean())
    if is_variable(stamps):
        low, high = 1000 * steps.min(), 1000 * steps.max()
        words = f"{mean:.4g} frames/s on average, with {low:.0f} to {high:.0f} ms from frame to frame"
        return mean, f"has a variable frame rate: {words}"
    if gaps := long_gaps(stamps):
        more = f", the longest of {gaps.count} gaps" if gaps.count > 1 else ""
        return gaps.fps, (
            f"has {gaps.fps:.4g} frames/s, and {gaps.seconds:.2f} s without a frame after frame {gaps.after}{more}"
        )
    if abs(float(np.median(steps)) * fps - 1) > RATE_TOLERANCE or _drift(times, fps) > _MOST_DRIFT_SECONDS:
        fps = mean
    away = _drift(times, fps)
    words = f"has {fps:.4g} frames/s on average, from which frames are up to {away:.2f} s away"
    return fps, words if away > _MOST_DRIFT_SECONDS else ""


def frame_times(stamps: Sequence[float], fps: float) -> NDArray[np.float64]:
    """Seconds at which each frame is shown, ``(T,)``, the first at 0.

    A constant frame rate gives exactly ``index / fps``, also where time stamps are rounded, missing or go back; a
    variable one, one with long gaps and one from which frames are far away give the time stamps. Frames with one time
    stamp share the time to the next. Where files were put one after the other, the next begins one usual step behind
    the last frame of the one before.
    """
    times = _growing(stamps)
    if times is None or not (is_variable(stamps) or long_gaps(stamps) or _drift(times, fps) > _MOST_DRIFT_SECONDS):
        return np.arange(len(stamps)) / fps
    return times - times[0]


def _drift(times: NDArray[np.float64], fps: float) -> float:
    """By how many seconds at most a frame is shown earlier or later than its number and ``fps`` say."""
    return float(np.abs(times - times[0] - np.arange(len(times)) / fps).max())


def _steps(stamps: Sequence[float]) -> NDArray[np.float64] | None:
    """Seconds from frame to frame, above zero; None where time stamps are too few, missing, or go back."""
    times = _growing(stamps)
    return None if times is None else np.diff(times)


def _growing(stamps: Sequence[float]) -> NDArray[np.float64] | None:
    """Time stamps of which each is later than the one before; None where they are too few, missing, or go back."""
    times = np.asarray(stamps, np.float64)
    if len(times) < 2 or not np.isfinite(times).all():
        return None
    steps = np.diff(times)
    if (steps > 0).all():
        return times
    # Files that were put one after the other: the clock begins anew.
    anew = (steps < 0) & (times[1:] - times[0] < _ANEW_SECONDS)
    if (steps < 0).sum() > anew.sum() or not (steps > 0).any() or anew.mean() > _FEW:
        return None
    steps[anew] = np.median(steps[steps > 0])
    times = np.append(0.0, np.cumsum(steps))
    # A clock that is too coarse gives several frames one time stamp: they share the time to the next.
    first = np.flatnonzero(np.append(True, steps > 0))
    usual = float(np.median(np.diff(times[first]) / np.diff(first)))
    ends = np.append(times[first], times[-1] + usual * (len(times) - first[-1]))
    return np.interp(np.arange(len(times)), np.append(first, len(times)), ends)
