"""Moments of a layer that stand in another order than those of the clip, as where a network shuffles its frames."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

Pairs: TypeAlias = frozenset[tuple[int, int]]
"""Two moments of a layer, the earlier one first."""

_OWN = 0.25
"""A moment stands where it is laid if it depends on its own part by this share of what it depends on any part."""
_NOTHING = 0.05
"""A moment that depends on no part by more than this share of the largest dependence tells nothing."""


def turned_round(changes: Tensor, strips: Sequence[tuple[int, int]], frames: int) -> Pairs:
    """Which two moments depend on parts of the clip that come in the other order.

    Neither depends on the part over which it is laid. Moments that see all of the clip alike, or that look back at the
    frame before, are no such pairs.

    Args:
        changes: How much moments change with parts of the clip, ``(parts, moments)``.
        strips: The parts, each from a frame to the one behind its last.
        frames: Number of frames of the clip.
    """
    moments = changes.shape[1]
    strongest, most = changes.max(0)
    places = [(t * frames / moments, (t + 1) * frames / moments) for t in range(moments)]
    laid = torch.tensor([[first < stop and start < last for start, stop in places] for first, last in strips])
    own = torch.where(laid.to(changes.device), changes, 0).amax(0)
    away = (own < _OWN * strongest) & (strongest > _NOTHING * strongest.max())
    moved = [t for t in range(moments) if bool(away[t])]
    return frozenset((i, j) for i in moved for j in moved if i < j and most[i] > most[j])
