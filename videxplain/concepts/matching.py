"""How concepts agree with regions of the picture that are known: on ActionFigures limbs, bodies and background."""

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
    """Which share of each cell of a layer each region covers: ``(regions, T, h, w)``; they add up to 1.

    Args:
        evidence: The masks of a video.
        grid: h and w.
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
    """Gathers, video by video, how K concepts agree with the regions.

    Attributes:
        shares: Per video ``(K, regions)``, the share of the concept's activity in the region; NaN where it has none.
        areas: Per video ``(regions,)``, the share of the picture that the region takes.
        correlations: Per video ``(K, regions)``; NaN where the concept or the region is the same everywhere.
        groups: The group of each video.
    """

    shares: list[NDArray[np.float64]] = field(default_factory=list)
    areas: list[NDArray[np.float64]] = field(default_factory=list)
    correlations: list[NDArray[np.float64]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def add(self, maps: NDArray[np.float32], cells: NDArray[np.float32], group: str) -> None:
        """Take a video: its maps ``(K, T, h, w)`` and its regions ``(regions, T, h, w)``."""
        frames = min(maps.shape[1], cells.shape[1])
        values = maps[:, :frames].reshape(len(maps), -1).astype(np.float64)
        regions = cells[:, :frames].reshape(len(cells), -1).astype(np.float64)
        held = values.sum(1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.shares.append(values @ regions.T / held)
            self.areas.append(regions.mean(1))
            centred = values - values.mean(1, keepdims=True)
            others = regions - regions.mean(1, keepdims=True)
            sizes = np.linalg.norm(centred, axis=1)[:, None] * np.linalg.norm(others, axis=1)
            self.correlations.append(np.where(sizes > 1e-12, centred @ others.T / sizes, np.nan))
        self.groups.append(group)

    def rows(self, seed: int) -> list[MatchRow]:
        """A row for each concept and region."""
        if not self.shares:
            return []
        shares, areas, correlations = (np.stack(one) for one in (self.shares, self.areas, self.correlations))
        rows = []
        for k in range(shares.shape[1]):
            for r, region in enumerate(REGIONS):
                known = np.flatnonzero(np.isfinite(correlations[:, k, r]))
                if not len(known):
                    continue
                values = correlations[known, k, r]
                ends = interval(values[:, None], [self.groups[i] for i in known], seed)
                rows.append(
                    MatchRow(
                        concept=k,
                        region=region,
                        share=float(np.mean(shares[known, k, r])),
                        area=float(areas[known, r].mean()),
                        correlation=float(values.mean()),
                        low=None if ends is None else float(ends[0][0]),
                        high=None if ends is None else float(ends[1][0]),
                        videos=len(known),
                    )
                )
        return rows


def matched_region(rows: Sequence[MatchRow]) -> str | None:
    """The region with which one concept agrees best, if the whole interval of their correlation is above zero."""
    best = max(rows, key=lambda row: row.correlation, default=None)
    return best.region if best is not None and best.low is not None and best.low > 0 else None
