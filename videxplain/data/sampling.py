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
    """The middle frames of ``length`` equal segments, floor((j + 1/2) n / length): how TSN samples for testing.

    A video of fewer frames gives all it has, and its last frame repeats.
    """
    if num_frames < length:
        return _window(0, num_frames, length)
    return (2 * np.arange(length) + 1) * num_frames // (2 * length)


def random_window(num_frames: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``length`` neighbouring frames from anywhere in the video, every start as likely as any other.

    A video of fewer frames gives all it has, and its last frame repeats.
    """
    return _window(int(rng.integers(0, max(num_frames - length, 0) + 1)), num_frames, length)


def spread_windows(num_frames: int, length: int, count: int = 5) -> list[NDArray[np.int64]]:
    """``count`` windows of ``length`` neighbouring frames, evenly spread from the first frame to the last.

    They do not overlap where the video has ``count * length`` frames, and overlap where it has fewer. A video
    of fewer than ``length`` gives the same window ``count`` times, in which its last frame repeats. A single window
    lies in the middle.
    """
    room = max(num_frames - length, 0)
    starts = [room * j // (count - 1) for j in range(count)] if count > 1 else [room // 2]
    return [_window(start, num_frames, length) for start in starts]


def _window(start: int, num_frames: int, length: int) -> NDArray[np.int64]:
    if num_frames < 1:
        raise VidexplainError("a video without frames has no clips")
    return np.minimum(np.arange(start, start + length), num_frames - 1)


def _check(num_frames: int, length: int) -> None:
    if num_frames < length:
        have = "1 frame" if num_frames == 1 else f"{num_frames} frames"
        raise VidexplainError(f"too few frames: the clip has {have}, and the model needs at least {length}")
