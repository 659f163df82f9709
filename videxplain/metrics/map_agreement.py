"""How far two maps of one clip say the same."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from videxplain.errors import VidexplainError
from videxplain.metrics.randomisation import spearman
from videxplain.metrics.strongest import STRONGEST, strongest_part


@dataclass(frozen=True)
class Agreement:
    """How alike two maps are.

    Attributes:
        rank_correlation: Spearman's rank correlation of all places, in [-1, 1]; 0 where a map is the same everywhere.
        overlap: How much of the strongest tenth of the one map is also in that of the other, in [0, 1]. Two maps that
            know nothing of each other share 0.1. Only places with positive values count; NaN if a map has none.
    """

    rank_correlation: float
    overlap: float


def agreement(first: NDArray[np.float32], second: NDArray[np.float32]) -> Agreement:
    """The agreement of two maps of one shape, such as ``(T, h, w)``.

    If fewer than a tenth of the places of a map are positive, its strongest tenth is smaller; the overlap is then the
    part that both share, divided by the larger of the two.

    Raises:
        VidexplainError: Maps of two shapes.
    """
    if first.shape != second.shape:
        raise VidexplainError(f"two maps of one shape are compared, not {first.shape} and {second.shape}")
    strongest = [strongest_part(values, STRONGEST) & (values > 0) for values in (first, second)]
    larger = max(int(part.sum()) for part in strongest)
    shared = int((strongest[0] & strongest[1]).sum())
    empty = not all(part.any() for part in strongest)
    return Agreement(
        rank_correlation=spearman(torch.from_numpy(first), torch.from_numpy(second)),
        overlap=float("nan") if empty else shared / larger,
    )
