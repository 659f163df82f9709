"""Albumentations on clips instead of pictures."""

import os
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# It asks the network for a newer version when it is imported, unless told not to.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A

__all__ = ["A", "AllAtOnce", "FrameByFrame", "Frames"]

Frames: TypeAlias = NDArray[np.uint8]


class FrameByFrame:
    """A transform of places, or of a pixel's surroundings, on each frame alike."""

    def __init__(self, transform: A.BasicTransform | A.Compose) -> None:
        """Wrap one of Albumentations' transforms."""
        self._transform = transform

    def __call__(self, frames: Frames) -> Frames:
        """Vary ``(T, H, W, 3)`` frames."""
        return np.asarray(self._transform(images=frames)["images"], np.uint8)


class AllAtOnce:
    """A transform of colours on all frames as one tall picture.

    What it measures first (the mean for contrast, the histogram for equalising) is then that of the clip. Measured
    frame by frame it would differ, and the clip would flicker. It is faster, too.
    """

    def __init__(self, transform: A.BasicTransform | A.Compose) -> None:
        """Wrap one of Albumentations' transforms that leaves every pixel in its place."""
        self._transform = transform

    def __call__(self, frames: Frames) -> Frames:
        """Vary ``(T, H, W, 3)`` frames."""
        tall = frames.reshape(-1, *frames.shape[2:])
        return np.asarray(self._transform(image=tall)["image"], np.uint8).reshape(frames.shape)
