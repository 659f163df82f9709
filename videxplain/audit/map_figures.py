"""Figures of one clip's maps: when and where the evidence lies, and how concentrated it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIDDLE = (0.25, 0.75)
"""The middle half of each axis: a quarter of the picture."""
BORDER = 0.1
"""The border is what lies nearer to an edge than this share of the axis: 36 % of the picture."""
STRONGEST = 0.1
"""The strongest cells are this share of all cells."""


@dataclass(frozen=True)
class MapFigures:
    """Figures of the maps of one clip. All are None if the maps hold no evidence.

    Attributes:
        first: The first frame whose contribution is above half of the largest.
        last: The last such frame.
        time_share: The share of such frames.
        x: Centre of the evidence from left to right, as a share of the width.
        y: Centre of the evidence from top to bottom, as a share of the height.
        spread: Root mean square distance from the centre, in shares of the picture's sides.
        middle: Share of the evidence in the middle quarter of the picture; 0.25 for an even spread.
        border: Share of the evidence in the outer tenth along each edge; 0.36 for an even spread.
        concentration: Share of the evidence in the strongest tenth of the cells; 0.1 for an even spread.
    """

    first: int | None
    last: int | None
    time_share: float | None
    x: float | None
    y: float | None
    spread: float | None
    middle: float | None
    border: float | None
    concentration: float | None


def map_figures(maps: NDArray[np.float32]) -> MapFigures:
    """Figures of maps ``(T, h, w)``; negative values are not evidence and count as zero."""
    evidence = np.maximum(np.nan_to_num(np.asarray(maps, np.float64)), 0)
    total = evidence.sum()
    if not total > 0:
        return MapFigures(*[None] * 9)
    curve = evidence.mean((1, 2))
    above = np.flatnonzero(curve > curve.max() / 2)
    place = evidence.sum(0) / total
    rows, columns = place.sum(1), place.sum(0)
    x, y, spread = centre_and_spread(rows, columns)
    return MapFigures(
        first=int(above[0]),
        last=int(above[-1]),
        time_share=len(above) / len(curve),
        x=x,
        y=y,
        spread=spread,
        middle=_inside(place, *MIDDLE),
        border=1 - _inside(place, BORDER, 1 - BORDER),
        concentration=_strongest(evidence.ravel(), STRONGEST),
    )


def centre_and_spread(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> tuple[float, float, float]:
    """The centre ``(x, y)`` of a map, and its root mean square distance from it, in shares of the picture's sides.

    Args:
        rows: ``(h,)``, the share of the map in each row; they add up to 1.
        columns: ``(w,)``, the share in each column.
    """
    y, x = _centres(len(rows)), _centres(len(columns))
    centre_y, centre_x = float(rows @ y), float(columns @ x)
    spread = np.sqrt(rows @ (y - centre_y) ** 2 + columns @ (x - centre_x) ** 2)
    return centre_x, centre_y, float(spread)


def _centres(cells: int) -> NDArray[np.float64]:
    return (np.arange(cells) + 0.5) / cells


def _inside(place: NDArray[np.float64], low: float, high: float) -> float:
    """The share of ``place`` between ``low`` and ``high`` of each axis. A cell on the edge counts in part."""
    inner = place
    for axis in (0, 1):
        cells = place.shape[axis]
        edges = np.arange(cells + 1) / cells
        part = (np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)).clip(0) * cells
        inner = inner * (part[:, None] if axis == 0 else part)
    return float(inner.sum())


def _strongest(values: NDArray[np.float64], share: float) -> float:
    """The share of the sum that the largest ``share`` of the values holds. The last of them counts in part."""
    ordered = np.sort(values)[::-1]
    count = share * len(ordered)
    whole = int(count)
    held = ordered[:whole].sum() + (ordered[whole] * (count - whole) if whole < len(ordered) else 0)
    return float(held / ordered.sum())
