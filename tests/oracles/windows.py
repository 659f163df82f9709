"""Windows over a video, literally: everything in memory, one frame at a time."""

import numpy as np


def covering(num_frames: int, length: int, stride: int) -> list[list[int]]:
    """Windows that begin every ``stride`` frames while they fit, and one more at the end where frames are left."""
    windows = []
    start = 0
    while start + length <= num_frames:
        windows.append(list(range(start, start + length)))
        start += stride
    if windows[-1][-1] != num_frames - 1:
        windows.append(list(range(num_frames - length, num_frames)))
    return windows


def interleaved(num_frames: int, length: int) -> list[list[int]]:
    """Frame k of each of ``length`` segments, or a segment's last frame where it has no frame k."""
    segments = [
        [i for i in range(num_frames) if j * num_frames // length <= i < (j + 1) * num_frames // length]
        for j in range(length)
    ]
    longest = max(len(segment) for segment in segments)
    return [[segment[min(k, len(segment) - 1)] for segment in segments] for k in range(longest)]


def prepared(frames: np.ndarray, windows, prepare) -> list[np.ndarray]:
    """Every window ``(3, T, h, w)``, each frame prepared anew for each window it is in."""
    result = []
    for window in windows:
        inputs = [prepare(frames[i]) for i in window]
        result.append(np.stack([x[:, 0] for x in inputs], axis=1))
    return result
