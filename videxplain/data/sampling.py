"""Which frames make a clip: pure functions on frame numbers."""

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError


def covering_windows(num_frames: int, length: int, stride: int, interval: int = 1) -> list[NDArray[np.int64]]:
    """Windows of ``length`` frames, ``interval`` apart, that cover every frame.

    ``interval`` windows interleave to a stretch of ``length * interval`` neighbouring frames; stretches begin
    ``stride`` frames apart, and the last one is moved back so that it ends at the last frame. A video that is
    shorter than a stretch has its frames taken more densely. A video that is shorter than a window, but has at least
    half of its frames, gives one window in which the last frame repeats.

    Returns:
        The windows, ordered by their first frame; see `window_interval` for how far apart their frames are.

    Raises:
        VidexplainError: Fewer frames than half a window, or a stride that would leave gaps.
    """
    _check(num_frames, length)
    interval = window_interval(num_frames, length, interval)
    stretch = length * interval
    if not 1 <= stride <= stretch:
        raise VidexplainError(f"the stride between windows of {stretch} frames is 1 to {stretch}, not {stride}")
    if num_frames < length:
        return [_window(0, num_frames, length)]
    starts = [*range(0, num_frames - stretch, stride), num_frames - stretch]
    firsts = sorted(start + offset for start in starts for offset in range(interval))
    return [np.arange(first, first + stretch, interval) for first in firsts]


def window_interval(num_frames: int, length: int, interval: int) -> int:
    """How far apart the ``length`` frames of a window are in a video that may be too short for ``interval``."""
    return max(1, min(interval, num_frames // length))


def interleaved_sets(num_frames: int, length: int) -> list[NDArray[np.int64]]:
    """Sets of ``length`` frames spread over the whole video that together hold every frame.

    The video is cut into ``length`` equal segments; set k takes frame k of each. With s frames in every segment that
    is k, k+s, k+2s, ...; where segments differ by a frame, the shorter ones give their last frame to the last set
    once more. A video of fewer frames, but at least half of ``length``, gives one set in which the last frame repeats.

    Raises:
        VidexplainError: Fewer frames than half of ``length``.
    """
    _check(num_frames, length)
    if num_frames < length:
        return [_window(0, num_frames, length)]
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


def random_segments(num_frames: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One frame at random from each of ``length`` equal segments: how TSN samples for training.

    Wang et al., *Temporal Segment Networks*, ECCV 2016, section 3.1. The frames of a segment are as likely as each
    other. A video of fewer frames gives all it has, and its last frame repeats.
    """
    if num_frames < length:
        return _window(0, num_frames, length)
    bounds = np.arange(length + 1) * num_frames // length
    return rng.integers(bounds[:-1], bounds[1:])


def uniform_sets(num_frames: int, length: int, count: int) -> list[NDArray[np.int64]]:
    """``count`` sets of ``length`` frames, each spread over the whole video, one behind the other.

    The video is cut into ``length`` equal segments; set j takes from each the frame at (j + 1/2) / ``count`` of it. One
    set is that of :func:`uniform_indices`. A video of fewer frames gives the same set ``count`` times.
    """
    if num_frames < length:
        return [_window(0, num_frames, length)] * count
    segments = np.arange(length)
    return [(2 * (count * segments + j) + 1) * num_frames // (2 * count * length) for j in range(count)]


def random_window(num_frames: int, length: int, rng: np.random.Generator, interval: int = 1) -> NDArray[np.int64]:
    """``length`` frames, ``interval`` apart, from anywhere in the video, every start as likely as any other.

    A video that is too short has its frames taken more densely; one of fewer than ``length`` frames gives all it has,
    and its last frame repeats.
    """
    interval = window_interval(num_frames, length, interval)
    return _window(int(rng.integers(0, _room(num_frames, length, interval) + 1)), num_frames, length, interval)


def spread_windows(num_frames: int, length: int, count: int = 5, interval: int = 1) -> list[NDArray[np.int64]]:
    """``count`` windows of ``length`` frames, ``interval`` apart, evenly spread from the first frame to the last.

    They do not overlap where the video is long enough for that, and overlap where it is not. A video that is too
    short for ``interval`` has its frames taken more densely; one of fewer than ``length`` frames gives the same
    window ``count`` times, in which its last frame repeats. A single window lies in the middle.
    """
    interval = window_interval(num_frames, length, interval)
    room = _room(num_frames, length, interval)
    starts = [room * j // (count - 1) for j in range(count)] if count > 1 else [room // 2]
    return [_window(start, num_frames, length, interval) for start in starts]


def short_videos_note(count: int) -> str:
    """That ``count`` videos of a data set have fewer frames than the network sees."""
    if count == 1:
        return "1 video has fewer frames than the network sees: its last frame is repeated"
    return f"{count:,} videos have fewer frames than the network sees: the last frame of each is repeated"


def _room(num_frames: int, length: int, interval: int) -> int:
    """How many frames after the first one a window can begin."""
    return max(num_frames - (length - 1) * interval - 1, 0)


def _window(start: int, num_frames: int, length: int, interval: int = 1) -> NDArray[np.int64]:
    if num_frames < 1:
        raise VidexplainError("a video without frames has no clips")
    return np.minimum(np.arange(start, start + length * interval, interval), num_frames - 1)


def _check(num_frames: int, length: int) -> None:
    if 2 * num_frames < length:
        have = "1 frame" if num_frames == 1 else f"{num_frames} frames"
        raise VidexplainError(
            f"too few frames: the clip has {have}, and the model needs at least {(length + 1) // 2} of the {length} "
            "that it sees"
        )
