"""Frames as a network wants them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.views import View, apply_view


def to_model_input(
    frames: NDArray[np.uint8],
    *,
    size: tuple[int, int],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    view: View | None = None,
) -> NDArray[np.float32]:
    """Resize frames and normalise them.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB.
        size: Height and width of the result; without a view, whole frames are resized to it.
        mean: Subtracted from each channel, of values in [0, 1].
        std: Divided by afterwards.
        view: How the network's authors resize and crop frames, to ``size``; None for whole frames.

    Returns:
        ``(3, T, h, w)`` float32.
    """
    # A pixel has 256 values: they are normalised once, and then looked up.
    values = np.arange(256, dtype=np.float32)[:, None] / np.float32(255)
    tables = ((values - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)).T.copy()
    video = np.empty((3, len(frames), *size), np.float32)
    for t, frame in enumerate(frames):
        for channel, plane in enumerate(cv2.split(fit_frame(frame, size, view))):
            cv2.LUT(plane, tables[channel], dst=video[channel, t])
    return video


def fit_frame(frame: NDArray[np.uint8], size: tuple[int, int], view: View | None) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` as a network sees it, before it is normalised: resized whole, or by the authors' view."""
    return resize_frame(frame, *size) if view is None else apply_view(frame[None], view)[0]


def resize_frame(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` at another height and width, whole."""
    # First what shrinks, averaging over areas: interpolation would skip pixels, and the frame would alias. Then what
    # grows. Most frames need one of the two.
    for rows, columns, interpolation in (
        (min(height, frame.shape[0]), min(width, frame.shape[1]), cv2.INTER_AREA),
        (height, width, cv2.INTER_LINEAR),
    ):
        if frame.shape[:2] != (rows, columns):
            frame = np.asarray(cv2.resize(frame, (columns, rows), interpolation=interpolation), np.uint8)
    return frame
