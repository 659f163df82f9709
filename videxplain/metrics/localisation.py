"""Does a map lie on what is known to be the evidence, and in the frames in which it is?

Everywhere a map is ``(T, H, W)``, of which what is negative counts as zero, and a map of zeros gets 0.
"""

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]


def energy(heat: Map, mask: Mask) -> float:
    """The share of the map's sum that lies in the mask ``(T, H, W)`` (Wang et al., CVPRW 2020, section 4.3)."""
    _check(heat, mask)
    positive = np.maximum(heat, 0)
    total = positive.sum(dtype=np.float64)
    return float(positive[mask].sum(dtype=np.float64) / total) if total > 0 else 0.0


def pointing(heat: Map, mask: Mask) -> float:
    """Whether the maximum lies in the mask (Zhang et al., ECCV 2016): the share of them where several are equal."""
    _check(heat, mask)
    top = heat.max()
    return float(mask[heat == top].mean()) if top > 0 else 0.0


def iou(heat: Map, mask: Mask) -> float:
    """Intersection over union of the mask with as many voxels of the map, the strongest ones.

    No threshold is chosen, so that maps of any scale and width compare. Voxels without positive evidence are never
    among them; of equal ones the first in time, row and column are.
    """
    _check(heat, mask)
    wanted = int(mask.sum())
    if wanted == 0:
        return 0.0
    strongest = np.argsort(-heat, axis=None, kind="stable")[:wanted]
    chosen = np.zeros(heat.size, bool)
    chosen[strongest] = heat.ravel()[strongest] > 0
    flat = mask.ravel()
    return float((chosen & flat).sum() / (chosen | flat).sum())


def energy_in_time(heat: Map, active: Mask) -> float:
    """The share of the map's sum that lies in frames of ``active``, ``(T,)``."""
    return energy(per_frame(heat), active)


def pointing_in_time(heat: Map, active: Mask) -> float:
    """Whether the frame that holds most of the map is one of ``active``, ``(T,)``."""
    return pointing(per_frame(heat), active)


def iou_in_time(heat: Map, active: Mask) -> float:
    """:func:`iou` of frames, by how much of the map they hold, with ``active``, ``(T,)``."""
    return iou(per_frame(heat), active)


def per_frame(heat: Map) -> Map:
    """How much of a map each frame holds, ``(T,)``."""
    return np.maximum(heat, 0).sum((1, 2), dtype=np.float64).astype(np.float32)


def _check(heat: Map, mask: Mask) -> None:
    # NumPy would take a mask of numbers for places, and one of another shape for one that fits.
    if heat.shape != mask.shape or mask.dtype != bool:
        shapes = f"{heat.shape} and {mask.dtype} {mask.shape}"
        raise VidexplainError(f"a map and its mask of bools belong together, not {shapes}")
