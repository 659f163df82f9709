"""RandAugment (Cubuk et al., 2020) for clips: the same two operations on every frame."""

import math
from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from videxplain.data.clipwise import A, AllAtOnce, FrameByFrame, Frames

Operation: TypeAlias = Callable[[Frames], Frames]

COUNT = 2
MAGNITUDE = 9 / 30
"""Operations on each clip, and how far they go: 9 of 30 steps, the paper's setting for ImageNet."""

# What the last step would be, as in the paper: shear and translation as shares of the frame, rotation in degrees,
# brightness and the like as a change of the factor 1.
_SHEAR, _TRANSLATION, _ROTATION, _ENHANCEMENT, _POSTERISED_BITS = 0.3, 0.45, 30.0, 0.9, 4


class RandAugment:
    """Two of fourteen operations, drawn with replacement, each in a direction that is drawn too."""

    def __init__(self) -> None:
        """Make every operation once."""
        self.operations: dict[str, tuple[Operation, ...]] = _operations()

    def __call__(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Vary ``(T, H, W, 3)`` uint8 RGB frames, all in the same way."""
        for choice in rng.choice(list(self.operations), COUNT):
            directions = self.operations[choice]
            frames = directions[int(rng.integers(len(directions)))](frames)
        return frames


def _operations() -> dict[str, tuple[Operation, ...]]:
    shear = math.degrees(math.atan(_SHEAR * MAGNITUDE))
    shift, turn, change = _TRANSLATION * MAGNITUDE, _ROTATION * MAGNITUDE, _ENHANCEMENT * MAGNITUDE
    bits, threshold = 8 - round(_POSTERISED_BITS * MAGNITUDE), 1 - MAGNITUDE
    return {
        "identity": (_same,),
        "shear x": tuple(_affine(shear={"x": (s, s), "y": (0, 0)}) for s in (shear, -shear)),
        "shear y": tuple(_affine(shear={"x": (0, 0), "y": (s, s)}) for s in (shear, -shear)),
        "translate x": tuple(_affine(translate_percent={"x": (s, s), "y": (0, 0)}) for s in (shift, -shift)),
        "translate y": tuple(_affine(translate_percent={"x": (0, 0), "y": (s, s)}) for s in (shift, -shift)),
        "rotate": tuple(_affine(rotate=(s, s)) for s in (turn, -turn)),
        "brightness": tuple(_enhance(brightness=1 + s) for s in (change, -change)),
        "contrast": tuple(_enhance(contrast=1 + s) for s in (change, -change)),
        "colour": tuple(_enhance(saturation=1 + s) for s in (change, -change)),
        "sharpness": (
            FrameByFrame(A.Sharpen(alpha=(change, change), lightness=(1, 1), p=1)),
            FrameByFrame(A.GaussianBlur(blur_limit=(3, 3), sigma_limit=(0.5, 0.5), p=1)),
        ),
        "posterise": (AllAtOnce(A.Posterize(num_bits=bits, p=1)),),
        "solarise": (AllAtOnce(A.Solarize(threshold_range=(threshold, threshold), p=1)),),
        "autocontrast": (AllAtOnce(A.AutoContrast(p=1)),),
        "equalise": (AllAtOnce(A.Equalize(p=1)),),
    }


def _same(frames: Frames) -> Frames:
    return frames


def _affine(**change: object) -> Operation:
    # Black where nothing is: with images=, another colour would come out as itself in the first frame alone.
    return FrameByFrame(A.Affine(interpolation=cv2.INTER_LINEAR, fill=0, p=1, **change))


def _enhance(brightness: float = 1, contrast: float = 1, saturation: float = 1) -> Operation:
    fixed = [(factor, factor) for factor in (brightness, contrast, saturation)]
    return AllAtOnce(A.ColorJitter(*fixed, hue=(0, 0), p=1))
