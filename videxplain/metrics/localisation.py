"""Does a map lie on the known evidence, and in the frames in which it is?

A map is ``(T, H, W)``. Its negative values count as zero, and a map of zeros gets 0.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
TOLERANCE = 15
"""Pixels by which the pointing game lets a maximum miss (Zhang et al., IJCV 2018)."""


def energy(heat: Map, mask: Mask) -> float:
    """The share of the map's sum that lies in the mask ``(T, H, W)`` (Wang et al., CVPRW 2020, section 4.3)."""
    _check(heat, mask)
    positive = np.maximum(heat, 0)
    total = positive.sum(dtype=np.float64)
    return float(positive[mask].sum(dtype=np.float64) / total) if total > 0 else 0.0


def pointing(heat: Map, mask: Mask) -> float:
    """Whether the maximum lies in the mask; of several equal maxima, the share that do.

    The pointing game (Zhang et al., ECCV 2016, section 4.1) without its tolerance.
    """
    _check(heat, mask)
    top = heat.max()
    return float(mask[heat == top].mean()) if top > 0 else 0.0


def pointing_within(heat: Map, mask: Mask, tolerance: float = TOLERANCE) -> float:
    """Whether the maximum lies in the mask or near it; of several equal maxima, the share that do.

    The pointing game (Zhang et al., Top-Down Neural Attention by Excitation Backprop, IJCV 2018, section 4.2), frame by
    frame: the distance is measured in the frame of the maximum, to the nearest pixel of the mask.

    Args:
        heat: ``(T, H, W)``.
        mask: ``(T, H, W)``.
        tolerance: The largest distance in pixels of the map. The usual 15 are meant for pictures of some hundred
        pixels;
            on small frames a map that knows nothing hits often, so compare with baselines.
    """
    _check(heat, mask)
    top = heat.max()
    if not top > 0:
        return 0.0
    times, rows, columns = np.nonzero(heat == top)
    frames, place = np.unique(times, return_inverse=True)
    near = np.stack([_near(mask[frame], tolerance) for frame in frames])
    return float(near[place, rows, columns].mean())


def iou(heat: Map, mask: Mask) -> float:
    """Intersection over union of the mask and the map's strongest voxels, as many as the mask has.

    No threshold is chosen, so that maps of any scale and width can be compared. Voxels without positive evidence are
    never taken. Of equal voxels the first in time, row and column is taken.
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


def _near(mask: Mask, tolerance: float) -> Mask:
    """``(H, W)``: which pixels are at most so far from the mask."""
    if not mask.any():
        return np.zeros(mask.shape, bool)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= tolerance)
