"""Maps made without a network, which a method has to beat."""

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Map = NDArray[np.float32]
BLUR = 1 / 30
"""Standard deviation of the blur of :func:`blurred_motion_map`, as a share of the height of a frame."""


def random_map(frames: Frames, name: str) -> Map:
    """A random value for every pixel, ``(T, H, W)`` in [0, 1); the same for clips of the same name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return rng.random(frames.shape[:3], np.float32)


def centre_map(frames: Frames) -> Map:
    """A Gaussian in the middle of every frame, a quarter of the height and of the width wide."""
    rows, columns = (
        np.exp(-0.5 * ((np.arange(extent) + 0.5 - extent / 2) / (extent / 4)) ** 2) for extent in frames.shape[1:3]
    )
    return np.broadcast_to(np.outer(rows, columns).astype(np.float32), frames.shape[:3]).copy()


def motion_map(frames: Frames) -> Map:
    """How much each pixel differs from the frame before, the mean over colours; the first frame as the second."""
    steps = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(-1, dtype=np.float32)
    return np.concatenate([steps[:1], steps]) if len(steps) else np.zeros(frames.shape[:3], np.float32)


def blurred_motion_map(frames: Frames) -> Map:
    """:func:`motion_map`, each frame blurred by a Gaussian whose deviation is ``BLUR`` of the height.

    Single pixels of noise no longer hold the maximum, so that it points better than the sharp one.
    """
    sharp = motion_map(frames)
    deviation = BLUR * frames.shape[1]
    return np.stack([cv2.GaussianBlur(frame, (0, 0), deviation) for frame in sharp]) if len(sharp) else sharp
