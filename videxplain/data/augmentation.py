"""Clips varied for training, through Albumentations: one draw for all frames of a clip."""

import random

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.clipwise import A, AllAtOnce, FrameByFrame, Frames
from videxplain.data.randaugment import RandAugment
from videxplain.data.transforms import to_model_input
from videxplain.data.views import View
from videxplain.errors import unknown

AUGMENTATIONS = ("resize", "crop", "flip", "randaugment")

JITTER = 0.2
"""How far brightness, contrast, saturation and hue may go. The library's default turns hues all the way round today,
and was this for each when the report was written."""


class Augmentation:
    """Frames of a video as a network is trained with them.

    - ``resize``: resize, normalise: equal to :func:`~videxplain.data.transforms.to_model_input`, for testing too;
    - ``crop``: 8 to 100 % of the frame's area resized, flips, colour jitter, normalise;
    - ``flip``: resize, flips, colour jitter, normalise;
    - ``randaugment``: resize, two operations out of fourteen, normalise.

    The first three are the report's settings. Each flip and the jitter come to half of the clips.
    """

    def __init__(
        self,
        name: str,
        size: tuple[int, int],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        *,
        horizontal_flip: bool = True,
        vertical_flip: bool = True,
        view: View | None = None,
    ) -> None:
        """Make everything once, because making Albumentations' transforms costs more than using them.

        Args:
            name: One of the four above.
            size: Height and width of the result in pixels.
            mean: Subtracted from each channel, of values in [0, 1].
            std: Divided by afterwards.
            horizontal_flip: Whether ``crop`` and ``flip`` mirror clips.
            vertical_flip: Whether ``crop`` and ``flip`` turn clips upside down, as the report did.
            view: How ``resize`` resizes and crops frames; None for whole frames.
        """
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)
        self.name, self.size = name, size
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self._mean, self._std, self._view = mean, std, view
        self._resizers: dict[tuple[int, int], FrameByFrame] = {}
        self._random = RandAugment() if name == "randaugment" else None
        crop = [A.RandomResizedCrop(size, area_for_downscale="image")] if name == "crop" else []
        flips = [*[A.HorizontalFlip(p=0.5)] * horizontal_flip, *[A.VerticalFlip(p=0.5)] * vertical_flip]
        self._places = A.Compose([*crop, *(flips if name in ("crop", "flip") else [])])
        self._colours = A.Compose([A.ColorJitter(JITTER, JITTER, JITTER, JITTER)])

    def __call__(self, frames: Frames, rng: np.random.Generator) -> NDArray[np.float32]:
        """One clip, varied as ``rng`` says.

        Args:
            frames: ``(T, H, W, 3)`` uint8 RGB.
            rng: The only source of chance.

        Returns:
            ``(3, T, h, w)`` float32.
        """
        if self.name in ("flip", "randaugment"):
            frames = self._resized(frames)
        if self._random:
            frames = self._random(frames, rng)
        elif self.name != "resize":
            # One state for all: a seed would be given to every transform alike, and the flips and the jitter, which
            # each compare their first number with 1/2, would come together or not at all.
            state = rng, random.Random(int(rng.integers(2**63)))
            self._places.set_random_state(*state)
            self._colours.set_random_state(*state)
            frames = AllAtOnce(self._colours)(FrameByFrame(self._places)(frames))
        return to_model_input(frames, size=self.size, mean=self._mean, std=self._std, view=self._view)

    def _resized(self, frames: Frames) -> Frames:
        """As ``to_model_input`` does it: first what shrinks, averaging over areas, then what grows."""
        height, width = frames.shape[1:3]
        if (height, width) not in self._resizers:
            smaller = min(height, self.size[0]), min(width, self.size[1])
            steps = [A.Resize(*smaller, interpolation=cv2.INTER_AREA), A.Resize(*self.size)]
            self._resizers[height, width] = FrameByFrame(A.Compose(steps))
        return self._resizers[height, width](frames)
