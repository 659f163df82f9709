"""Fills for the hidden parts of a clip."""

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.errors import unknown

Fill: TypeAlias = Literal["mean", "blur", "freeze"]
FILLS = ("mean", "blur", "freeze")


class Filler:
    """Hides parts of one clip."""

    def __init__(self, clip: Tensor, fill: Fill) -> None:
        """Prepare the fill of one clip.

        Args:
            clip: ``(1, C, T, H, W)``, normalised.
            fill: ``"mean"``: the mean colour, which is zero. ``"blur"``: the picture out of focus. ``"freeze"``: the
                pixel of the last earlier frame in which the place is not hidden. Without such a frame it is the
                pixel of the first later one, and for a place that is always hidden that of the first frame.
        """
        check_fill(fill)
        self._clip, self._freeze = clip, fill == "freeze"
        self._other = blur(clip) if fill == "blur" else clip.new_zeros(())

    def __call__(self, hidden: Tensor) -> Tensor:
        """A copy of the clip without the voxels of ``hidden``, ``(T, H, W)`` bool or what broadcasts to it."""
        if self._freeze:
            return torch.take_along_dim(self._clip, _standing(hidden)[None, None], dim=2)
        return torch.where(hidden, self._other, self._clip)


def blur(clip: Tensor) -> Tensor:
    """``(N, C, T, H, W)`` out of focus: averaged over squares of a quarter of the height, twice.

    The mean over a square is the mean over its columns of the means over its rows, also at the border, where only what
    lies inside counts. It costs the edge of the square instead of its area.
    """
    edge = max(1, clip.shape[3] // 4) | 1
    # Shorter numbers cannot be averaged on every device.
    values = clip.to(torch.promote_types(clip.dtype, torch.float32))
    for _ in range(2):
        for window in ((1, edge, 1), (1, 1, edge)):
            margin = [length // 2 for length in window]
            values = F.avg_pool3d(values, window, 1, margin, count_include_pad=False)
    return values.to(clip.dtype)


def check_fill(fill: str) -> None:
    """Raise for an unknown fill."""
    if fill not in FILLS:
        raise unknown("fill", fill, FILLS)


def _standing(hidden: Tensor) -> Tensor:
    """For each voxel the frame whose picture it shows, ``(T, H, W)``."""
    frames = len(hidden)
    numbers = torch.arange(frames, device=hidden.device)[:, None, None]
    seen = torch.where(hidden, -1, numbers).cummax(0).values
    first = torch.where(hidden, frames, numbers).amin(0)
    return torch.where(seen >= 0, seen, torch.where(first < frames, first, 0))
