"""Frames as a network wants them."""

import cv2
import numpy as np
from numpy.typing import NDArray


def to_model_input(
    frames: NDArray[np.uint8],
    *,
    size: tuple[int, int],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> NDArray[np.float32]:
    """Resize whole frames and normalise them.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB.
        size: Height and width to resize to, without cropping.
        mean: Subtracted from each channel, of values in [0, 1].
        std: Divided by afterwards.

    Returns:
        ``(3, T, h, w)`` float32.
    """
    # A pixel has 256 values: they are normalised once, and then looked up.
    values = np.arange(256, dtype=np.float32)[:, None] / np.float32(255)
    tables = ((values - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)).T.copy()
    video = np.empty((3, len(frames), *size), np.float32)
    for t, frame in enumerate(frames):
        for channel, plane in enumerate(cv2.split(resize_frame(frame, *size))):
            cv2.LUT(plane, tables[channel], dst=video[channel, t])
    return video


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
