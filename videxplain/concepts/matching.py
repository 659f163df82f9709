"""How far concepts agree with known regions of the picture: limbs, bodies and background of ActionFigures."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures import Evidence
from videxplain.boxes import Box, box_slices
from videxplain.concepts.rows import MatchRow
from videxplain.concepts.shares import interval

REGIONS = ("limbs", "bodies", "background")


def region_cells(evidence: Evidence, grid: tuple[int, int], box: Box | None = None) -> NDArray[np.float32]:
    """The share of each cell of a layer that each region covers: ``(regions, T, h, w)``, with a sum of 1 over regions.

    Args:
        evidence: The masks of a video.
        grid: h and w of the layer.
        box: The part of a frame that the network saw; None for the whole frame.
    """
    size = evidence.people.shape[1:]
    rows, columns = box_slices(box or (0, 0, *size), (size[0], size[1]))
    limbs = evidence.limbs[:, rows, columns]
    bodies = evidence.people[:, rows, columns] & ~limbs
    parts = np.stack([limbs, bodies, ~(limbs | bodies)]).astype(np.float32)
    small = [[cv2.resize(mask, (grid[1], grid[0]), interpolation=cv2.INTER_AREA) for mask in part] for part in parts]
    return np.asarray(small, np.float32)


@dataclass
class Matching:
    """Gathers, video by video, how far K concepts agree with the regions.

    A concept that is always active at one place, such as the upper edge, agrees with the background, which is there in
    every video. So the maps of each video are also compared with the regions of the video before it. A concept matches
    a region only if it agrees better with the regions of its own video.

    Attributes:
        shares: Per video ``(K, regions)``, the share of the concept's activity in the region; NaN without activity.
        areas: Per video ``(regions,)``, the share of the picture that the region takes.
        own: Per video ``(K, regions)``, correlations with its regions; NaN if the concept or the region is the same
            everywhere.
        others: The same with the regions of the video before it; NaN for the first.
        groups: The group of each video.
    """

    shares: list[NDArray[np.float64]] = field(default_factory=list)
    areas: list[NDArray[np.float64]] = field(default_factory=list)
    own: list[NDArray[np.float64]] = field(default_factory=list)
    others: list[NDArray[np.float64]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    _before: NDArray[np.float32] | None = field(default=None, repr=False)

    def add(self, maps: NDArray[np.float32], cells: NDArray[np.float32], group: str) -> None:
        """Add a video: its maps ``(K, T, h, w)``, its regions ``(regions, T, h, w)`` and its group."""
        before, self._before = self._before, cells
        self.own.append(_correlations(maps, cells))
        # Videos of other sizes may have other numbers of cells.
        known = before is not None and before.shape[2:] == cells.shape[2:]
        self.others.append(_correlations(maps, before) if known and before is not None else self.own[-1] * np.nan)
        values, regions = _flat(maps, cells)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.shares.append(values @ regions.T / values.sum(1, keepdims=True))
        self.areas.append(regions.mean(1))
        self.groups.append(group)

    def rows(self, seed: int) -> list[MatchRow]:
        """A row for each concept and region."""
        if not self.own:
            return []
        shares, areas, own, others = (np.stack(one) for one in (self.shares, self.areas, self.own, self.others))
        rows = []
        for k in range(own.shape[1]):
            for r, region in enumerate(REGIONS):
                known = np.flatnonzero(np.isfinite(own[:, k, r] - others[:, k, r]))
                if not len(known):
                    continue
                excess = own[known, k, r] - others[known, k, r]
                ends = interval(excess[:, None], [self.groups[i] for i in known], seed)
                rows.append(
                    MatchRow(
                        concept=k,
                        region=region,
                        share=float(np.mean(shares[known, k, r])),
                        area=float(areas[known, r].mean()),
                        correlation=float(own[known, k, r].mean()),
                        by_place=float(others[known, k, r].mean()),
                        excess=float(excess.mean()),
                        low=None if ends is None else float(ends[0][0]),
                        high=None if ends is None else float(ends[1][0]),
                        videos=len(known),
                    )
                )
        return rows


def _flat(maps: NDArray[np.float32], cells: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maps ``(K, places)`` and regions ``(regions, places)`` of the frames that both have."""
    frames = min(maps.shape[1], cells.shape[1])
    values, regions = (one[:, :frames].reshape(len(one), -1).astype(np.float64) for one in (maps, cells))
    return values, regions


def _correlations(maps: NDArray[np.float32], cells: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pearson correlations over places, ``(K, regions)``; NaN if one of the two is the same everywhere."""
    values, regions = (one - one.mean(1, keepdims=True) for one in _flat(maps, cells))
    sizes = np.linalg.norm(values, axis=1)[:, None] * np.linalg.norm(regions, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sizes > 1e-12, values @ regions.T / sizes, np.nan)


def matched_region(rows: Sequence[MatchRow]) -> str | None:
    """The region with the largest excess, if the whole interval of this excess is above zero; otherwise None."""
    best = max(rows, key=lambda row: row.excess, default=None)
    return best.region if best is not None and best.low is not None and best.low > 0 else None
