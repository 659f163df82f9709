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
    height, width = size
    resized = []
    for frame in frames:
        # Averaging over areas avoids the aliasing that interpolation shows when it shrinks.
        shrinks = frame.shape[0] >= height and frame.shape[1] >= width
        resized.append(
            cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        )
    scaled = np.stack(resized).astype(np.float32) / np.float32(255)
    normalised = (scaled - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(normalised.transpose(3, 0, 1, 2))
