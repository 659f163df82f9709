"""Several crops of a frame, side by side along its longer side."""

import numpy as np
from numpy.typing import NDArray

from videxplain.data.transforms import resize_frame
from videxplain.data.views import View, apply_resize, crop_corner

CROPS = (1, 3)
"""How many crops of a frame a network may be tested with."""


def three_crops(frames: NDArray[np.uint8], size: tuple[int, int], view: View | None) -> NDArray[np.uint8]:
    """The two ends of frames along their longer side, and the middle between them.

    Frames are resized as for a single crop. Where there is no view they are resized so that they just cover ``size``
    and keep their shape.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB.
        size: Height and width of a crop.
        view: How the network's authors resize and crop a frame; the middle crop is theirs.

    Returns:
        ``(3, T, h, w, 3)``: left, middle and right, or top, middle and bottom.

    Raises:
        VidexplainError: The crop is larger than the resized frame.
    """
    if view is None:
        resized = _covering(frames, size)
        top, left = ((extent - side) // 2 for extent, side in zip(resized.shape[1:3], size, strict=True))
    else:
        resized = apply_resize(frames, view)
        top, left = crop_corner(resized.shape[1], resized.shape[2], view)
    rows, columns = resized.shape[1] - size[0], resized.shape[2] - size[1]
    corners = [(top, 0), (top, left), (top, columns)] if columns >= rows else [(0, left), (top, left), (rows, left)]
    return np.stack([resized[:, y : y + size[0], x : x + size[1]] for y, x in corners])


def _covering(frames: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Frames ``(T, H, W, 3)`` at the smallest size of their shape that holds ``size``."""
    height, width = frames.shape[1:3]
    scale = max(size[0] / height, size[1] / width)
    tall, wide = max(size[0], round(height * scale)), max(size[1], round(width * scale))
    return np.stack([resize_frame(frame, tall, wide) for frame in frames])
