"""Which frames make a clip: pure functions on frame numbers."""

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError


def covering_windows(num_frames: int, length: int, stride: int) -> list[NDArray[np.int64]]:
    """Windows of ``length`` neighbouring frames, ``stride`` apart, that cover every frame.

    The last window is moved back so that it ends at the last frame.

    Raises:
        VidexplainError: Fewer frames than a window, or a stride that would leave gaps.
    """
    _check(num_frames, length)
    if not 1 <= stride <= length:
        raise VidexplainError(f"the stride between windows of {length} frames is 1 to {length}, not {stride}")
    starts = [*range(0, num_frames - length, stride), num_frames - length]
    return [np.arange(start, start + length) for start in starts]


def interleaved_sets(num_frames: int, length: int) -> list[NDArray[np.int64]]:
    """Sets of ``length`` frames spread over the whole video that together hold every frame.

    The video is cut into ``length`` equal segments; set k takes frame k of each. With s frames in every segment that
    is k, k+s, k+2s, ...; where segments differ by a frame, the shorter ones give their last frame to the last set
    once more.
    """
    _check(num_frames, length)
    bounds = np.arange(length + 1) * num_frames // length
    sizes = np.diff(bounds)
    return [bounds[:-1] + np.minimum(k, sizes - 1) for k in range(int(sizes.max()))]


def uniform_indices(num_frames: int, length: int) -> NDArray[np.int64]:
    """The middle frames of ``length`` equal segments, floor((j + 1/2) n / length): how TSN samples for testing."""
    _check(num_frames, length)
    return (2 * np.arange(length) + 1) * num_frames // (2 * length)


def _check(num_frames: int, length: int) -> None:
    if num_frames < length:
        have = "1 frame" if num_frames == 1 else f"{num_frames} frames"
        raise VidexplainError(f"too few frames: the clip has {have}, and the model needs at least {length}")
