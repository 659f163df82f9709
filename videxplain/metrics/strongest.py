"""The strongest part of a map, and the same shape at a random place: what is hidden to see whether a map is right."""

import numpy as np
from numpy.typing import NDArray

STRONGEST = 0.1
"""So large a part of a clip is hidden."""


def strongest_part(values: NDArray[np.float32], share: float = STRONGEST) -> NDArray[np.bool_]:
    """A mask of the strongest ``share`` of all places, ``values``' shape; ties are broken by place."""
    count = max(1, round(share * values.size))
    mask = np.zeros(values.size, bool)
    mask[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    return mask.reshape(values.shape)


def at_random_place(mask: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """The mask ``(T, H, W)`` rolled around in time, height and width by random amounts: only its place is random."""
    draw = np.random.default_rng(seed)
    return np.roll(mask, [int(draw.integers(1, max(2, extent))) for extent in mask.shape], (0, 1, 2))
