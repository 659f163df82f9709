"""The features of a clip itself: how much its pixels differ from their neighbours in space and in time."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_SCALES = (1, 2, 4)
"""Pixels are averaged over squares with so many pixels a side."""
_AXES = (4, 3, 2)
"""Neighbours in a row, in a column, and in time, of ``(N, 1, T, h, w)``."""
_HALF_A_LEVEL = 0.5 / 255
"""A difference that eight bits cannot show; it keeps the logarithm of a still or even clip finite."""


def feature_count(size: Sequence[int]) -> int:
    """How many features a clip of ``size`` ``(h, w)`` has: 27, or fewer if it has fewer than 8 rows or columns."""
    return 3 * len(_AXES) * len(_scales(size))


def picture_features(x: Tensor, std: Sequence[float] | None = None) -> Tensor:
    """Features ``(N, P)`` of clips, three for each scale and axis.

    The clip is made grey, and the differences between neighbours along an axis are taken. The features are the
    logarithms of their root mean square and of their median size, and the logarithm of their mean size as a share of
    the root mean square. The first says how much detail or motion there is. The others say how it is spread, in which
    rendered, filmed and compressed pictures differ (Ruderman, The statistics of natural images, Network 1994).

    Args:
        x: The input of a network, ``(N, C, T, h, w)``.
        std: The standard deviations by which its channels were divided; None if they were not.

    Returns:
        The features on the CPU, :func:`feature_count` of each clip.
    """
    x = x.detach().float()
    if std is not None:
        x = x * torch.tensor(std, dtype=x.dtype, device=x.device).view(-1, 1, 1, 1)
    grey = x.mean(1, keepdim=True).cpu()  # CUDA has no median that gives the same in every run
    found = []
    for scale in _scales(x.shape[-2:]):
        coarse = F.avg_pool3d(grey, (1, scale, scale)) if scale > 1 else grey
        for axis in _AXES:
            size = coarse.diff(dim=axis).flatten(1).abs()
            size = size if size.shape[1] else size.new_zeros(len(x), 1)  # one frame alone
            whole = size.square().mean(1).sqrt() + _HALF_A_LEVEL
            found += [
                whole.log(),
                (size.median(1).values + _HALF_A_LEVEL).log(),
                ((size.mean(1) + _HALF_A_LEVEL) / whole).log(),
            ]
    return torch.stack(found, 1) if found else grey.new_zeros(len(x), 0)


def _scales(size: Sequence[int]) -> tuple[int, ...]:
    return tuple(scale for scale in _SCALES if min(size) >= 2 * scale)
