"""The summary of each concept over all videos, from one pass through their maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.evidence import read_masks
from videxplain.audit.map_figures import centre_and_spread
from videxplain.concepts.factors import Factors
from videxplain.concepts.matching import Matching, matched_region, region_cells
from videxplain.concepts.rows import ConceptRow, MatchRow, TubeRow
from videxplain.concepts.settings import Settings
from videxplain.concepts.tubes import SHARE, strongest_tube
from videxplain.errors import VidexplainError
from videxplain.viz.overlay import enlarge

if TYPE_CHECKING:
    import pandas as pd

    from videxplain.concepts.result import Concepts

STRONGEST = 8
"""The number of a concept's strongest videos that its row names."""
_SCALE = 95
"""The colour scale of a concept ends at this percentile of the videos' peaks. So no single video sets it."""
_GRID = (24, 32)
"""Rows and columns of the mean maps."""


@dataclass(frozen=True, eq=False)
class Summary:
    """The summary of all concepts.

    Attributes:
        concepts: A row for each concept.
        tubes: A row for each concept and each video in which it is active.
        matches: A row for each concept and each known region.
        places: ``(K, rows, columns)``, where each concept is active on average.
    """

    concepts: list[ConceptRow]
    tubes: list[TubeRow]
    matches: list[MatchRow]
    places: NDArray[np.float64]


def scales_of(videos: "pd.DataFrame") -> NDArray[np.float64]:
    """The coefficient of each concept that gets the brightest colour, ``(K,)``."""
    peaks = np.stack(videos[videos["error"].isna()]["peak"].to_list())
    scales: NDArray[np.float64] = np.percentile(peaks, _SCALE, axis=0)
    return np.where(scales > 0, scales, peaks.max(0))


def summarise(found: "Concepts", factors: Factors) -> Summary:
    """Read the maps of every video once. Only the rows of tubes grow with the number of videos."""
    settings, videos = found.settings, found.videos
    known = np.flatnonzero(videos["error"].isna().to_numpy())
    scales = scales_of(videos)
    places = np.zeros((factors.count, *_GRID))
    tubes: list[TubeRow] = []
    matching = Matching()
    active = np.zeros(factors.count)
    frames = 0
    for number in known.tolist():
        maps = found.maps(number)
        row = videos.iloc[number]
        frames += maps.shape[1]
        active += (maps.max((2, 3)) > SHARE * scales[:, None]).sum(1)
        for k in range(factors.count):
            places[k] += enlarge(maps[k].mean(0), _GRID)
            if scales[k] > 0 and (tube := strongest_tube(maps[k], scales[k])):
                first, last = tube.frames
                left, top, right, bottom = tube.box
                tubes.append(
                    TubeRow(
                        concept=k,
                        video=number,
                        name=str(row["name"]),
                        strength=tube.strength,
                        peak=tube.peak,
                        first=first,
                        last=last,
                        left=left,
                        top=top,
                        right=right,
                        bottom=bottom,
                    )
                )
        if settings.evidence:
            try:
                evidence = read_masks(found.path(number))
            except VidexplainError:  # the video has gone since it was measured
                continue
            size = (evidence.people.shape[1], evidence.people.shape[2])
            cells = region_cells(evidence, (maps.shape[2], maps.shape[3]), settings.view_box(size))
            matching.add(maps, cells, str(row["group"]))
    tubes.sort(key=lambda tube: (tube.concept, -tube.strength))
    matches = matching.rows(settings.seed)
    rows = _rows(settings, videos.iloc[known], factors, scales, places, active / max(frames, 1), tubes, matches)
    return Summary(rows, tubes, matches, places / max(len(known), 1))


def _rows(
    settings: Settings,
    videos: "pd.DataFrame",
    factors: Factors,
    scales: NDArray[np.float64],
    places: NDArray[np.float64],
    active: NDArray[np.float64],
    tubes: Sequence[TubeRow],
    matches: Sequence[MatchRow],
) -> list[ConceptRow]:
    strength = np.stack(videos["mean"].to_list())
    predictions = videos["prediction"].to_numpy()
    present = [label for label in settings.labels if (predictions == label).any()]
    by_class = np.stack([strength[predictions == label].mean(0) for label in present])
    totals, by_all = strength.sum(0), by_class.sum(0)
    rows = []
    for k in range(factors.count):
        best = int(by_class[:, k].argmax())
        x, y, spread = _centre(places[k])
        rows.append(
            ConceptRow(
                concept=k,
                vector=factors.directions[k].tolist(),
                weight=float(totals[k] / totals.sum()) if totals.sum() > 0 else 0.0,
                scale=float(scales[k]),
                x=x,
                y=y,
                spread=spread,
                frames=float(active[k]),
                leading=present[best] if by_all[k] > 0 else None,
                leading_share=float(by_class[best, k] / by_all[k]) if by_all[k] > 0 else None,
                region=matched_region([row for row in matches if row.concept == k]),
                strongest=[tube.name for tube in tubes if tube.concept == k][:STRONGEST],
            )
        )
    return rows


def _centre(place: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    total = place.sum()
    if not total > 0:
        return None, None, None
    return centre_and_spread(place.sum(1) / total, place.sum(0) / total)
