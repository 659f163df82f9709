"""Where and when a concept is active in a video: a connected part of its maps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARE = 0.5
"""A tube consists of places where the concept is above this share of its scale."""


@dataclass(frozen=True, eq=False)
class Tube:
    """A connected part of the maps of a concept in one video.

    Attributes:
        places: ``(T, h, w)`` bool.
        strength: Sum of its coefficients, divided by the number of places of the whole video.
        peak: Its largest coefficient.
    """

    places: NDArray[np.bool_]
    strength: float
    peak: float

    @property
    def frames(self) -> tuple[int, int]:
        """First and last frame."""
        at = np.flatnonzero(self.places.any((1, 2)))
        return int(at[0]), int(at[-1])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom over all frames, as shares of the picture that the network saw."""
        return box_of(np.asarray(self.places.any(0)))

    def box_at(self, frame: int) -> tuple[float, float, float, float] | None:
        """The box in one frame; None if the tube is not in it."""
        return box_of(self.places[frame]) if self.places[frame].any() else None


def box_of(places: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """The smallest box around places ``(h, w)``: left, top, right and bottom as shares of the picture."""
    height, width = places.shape
    rows, columns = np.flatnonzero(places.any(1)), np.flatnonzero(places.any(0))
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def strongest_tube(maps: NDArray[np.float32], scale: float) -> Tube | None:
    """The strongest tube of a concept in one video; None if the concept is nowhere active.

    Places are connected if they touch in time, height or width, also at corners.

    Args:
        maps: ``(T, h, w)``, the concept's coefficients.
        scale: The scale of the concept. Places above half of it are active.
    """
    from scipy import ndimage

    above = maps > SHARE * scale
    if not above.any():
        return None
    parts, count = ndimage.label(above, structure=np.ones((3, 3, 3)))
    held = ndimage.sum_labels(maps, parts, np.arange(1, count + 1))
    best = parts == 1 + int(np.argmax(held))
    return Tube(best, float(np.max(held)) / maps.size, float(maps[best].max()))
