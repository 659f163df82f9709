"""Decoded frames in memory."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.types import Video
from videxplain.data.transforms import resize_frame
from videxplain.evaluation.clips import Readable
from videxplain.progress import Progress


class FrameCache:
    """Keeps the decoded frames of videos."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        """Frames are resized to ``size`` (height, width) before they are kept; None keeps their own size."""
        self._size = size
        self._held: dict[Path, NDArray[np.uint8]] = {}

    def fill(self, readable: Readable, *, limit: int, workers: int = 1, progress: Progress | None = None) -> bool:
        """Decode all frames of all videos.

        Args:
            readable: The videos.
            limit: The most bytes that all frames may take.
            workers: Threads that decode.
            progress: Called with the number of videos done and the number of all videos.

        Returns:
            Whether all frames fit. Otherwise the cache is emptied.
        """

        def load(entry: tuple[Video, int]) -> NDArray[np.uint8]:
            frames = read_video_frames(entry[0].path, range(entry[1]))
            return frames if self._size is None else resized(frames, self._size)

        total, used, before = len(readable.videos), 0, sum(frames.nbytes for frames in self._held.values())
        entries = list(zip(readable.videos, readable.counts, strict=True))
        with ThreadPoolExecutor(max(1, workers)) as pool:
            # Few at a time, because frames that are decoded and not yet counted need memory too.
            for first in range(0, total, 32):
                for (video, _), frames in zip(
                    entries[first : first + 32], pool.map(load, entries[first : first + 32]), strict=True
                ):
                    self._held[video.path] = frames
                    used += frames.nbytes
                done = min(first + 32, total)
                if before + used / done * total > limit:
                    self._held.clear()
                    return False
                if progress:
                    progress(done, total)
        return True

    def read(self, path: Path, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Frames ``(T, H, W, 3)`` of a video.

        Args:
            path: The video. It is decoded if the cache does not have it.
            indices: ``(T,)``, frame numbers.
        """
        held = self._held.get(path)
        return read_video_frames(path, indices) if held is None else held[indices]


def resized(frames: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Frames ``(T, H, W, 3)``, resized to ``size`` (height, width) as the network's input is."""
    return np.stack([resize_frame(frame, *size) for frame in frames])


def free_memory() -> int:
    """Bytes of memory that can be used without swapping."""
    # Linux uses free memory for copies of files and gives it back when needed. MemAvailable counts this.
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 8 << 30  # a machine that does not say
