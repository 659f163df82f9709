"""How a source of frames is shown: in square pixels, and when."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.stream import FrameSource


def shown_size(size: tuple[int, int], pixel_aspect: float) -> tuple[int, int]:
    """Height and width at which frames of ``size`` are shown in square pixels; no side becomes smaller.

    Args:
        size: Height and width in stored pixels.
        pixel_aspect: Width of a stored pixel divided by its height.
    """
    height, width = size
    return (height, round(width * pixel_aspect)) if pixel_aspect >= 1 else (round(height / pixel_aspect), width)


def shown_frame(frame: NDArray[np.uint8], pixel_aspect: float) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` stretched to square pixels; the same array where they are square."""
    height, width = shown_size((frame.shape[0], frame.shape[1]), pixel_aspect)
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


class ShownFrames:
    """The frames of a source in square pixels.

    Networks get the pixels as they are stored, which is what the decoders of their authors give. Pictures get these.
    """

    pixel_aspect = 1.0

    def __init__(self, source: FrameSource) -> None:
        """Look at ``source``."""
        self._source, self._aspect = source, pixel_aspect_of(source)
        self.path, self.fps, self.num_frames = source.path, source.fps, source.num_frames
        self.size = shown_size(source.size, self._aspect)
        self.times = source_times(source)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[np.uint8]]:
        """Frames ``start`` to ``stop``, stretched."""
        for frame in self._source.frames(start, stop):
            yield shown_frame(frame, self._aspect)


def pixel_aspect_of(source: FrameSource) -> float:
    """Width of a pixel divided by its height; 1 for a source that does not say."""
    known: Any = getattr(source, "pixel_aspect", None)
    return 1.0 if known is None else float(known)


def source_times(source: FrameSource) -> NDArray[np.float64]:
    """Seconds at which each frame is shown, ``(T,)``, the first at 0; index / fps for a source that does not say."""
    known: Any = getattr(source, "times", None)
    if known is None:
        return np.arange(source.num_frames) / source.fps
    times = np.asarray(known, np.float64)
    return times - times[0]


def rate_note(source: FrameSource) -> str:
    """That nobody has said the frame rate of a clip, which its reader must know; empty where it is known."""
    if getattr(source, "rate_known", True):
        return ""
    return f"The frame rate is not known: seconds are those of {source.fps:g} frames/s. Say it with fps."


def irregular_times(source: FrameSource) -> NDArray[np.float64] | None:
    """:func:`source_times` where they are not index / fps; None where they are, or where they do not grow."""
    times = source_times(source)
    even = np.arange(len(times)) / source.fps
    return None if np.allclose(times, even, rtol=0, atol=1e-6) or (np.diff(times) <= 0).any() else times
