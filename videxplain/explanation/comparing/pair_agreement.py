"""How far the maps of several explanations of one clip say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box, box_slices
from videxplain.explanation.result import Explanation
from videxplain.metrics.map_agreement import agreement

_MOST_FRAMES, _FINEST = 256, 56
"""Agreement is measured on so many frames, and on maps of so many places on a side, at most."""


@dataclass(frozen=True)
class PairAgreement:
    """How far two of the maps say the same (:class:`videxplain.metrics.map_agreement.Agreement`).

    Attributes:
        first: Name of the one.
        second: Name of the other.
        rank_correlation: Spearman's rank correlation of all places and frames.
        overlap: How much of the strongest tenth both share; 0.1 is chance, NaN if one has no positive value.
    """

    first: str
    second: str
    rank_correlation: float
    overlap: float

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "PairAgreement":
        """From its entry in the JSON of a comparison."""
        correlation, overlap = (
            float("nan") if record[k] is None else float(record[k]) for k in ("rank_correlation", "overlap")
        )
        return cls(str(record["first"]), str(record["second"]), correlation, overlap)


def pair_agreements(names: Sequence[str], explanations: Sequence[Explanation]) -> tuple[PairAgreement, ...]:
    """How far the maps agree, for each pair.

    All maps are brought to one size first, that of the finest but at most 56 x 56, inside the part of the frame that
    all networks saw. Of more than 256 frames, 256 evenly spread ones are taken.
    """
    maps = _in_one_size(explanations)
    return tuple(
        PairAgreement(names[i], names[j], **vars(agreement(maps[i], maps[j])))
        for i, j in combinations(range(len(names)), 2)
    )


def _in_one_size(explanations: Sequence[Explanation]) -> list[NDArray[np.float32]]:
    """The maps ``(t, h, w)`` of each explanation at one size."""
    from videxplain.viz.layout import spread_frames
    from videxplain.viz.overlay import enlarge, enlarge_into

    size = explanations[0].source.size
    frames = spread_frames(explanations[0].num_frames, _MOST_FRAMES)
    sizes = [one.drawable(0).shape for one in explanations]
    grid = (min(max(height for height, _ in sizes), _FINEST), min(max(width for _, width in sizes), _FINEST))
    boxes = [one.view_box for one in explanations]
    if len(set(boxes)) == 1:
        return [np.stack([enlarge(one.drawable(i), grid) for i in frames]) for one in explanations]
    rows, columns = box_slices(_common_box(boxes, size), size)

    def inside(one: Explanation, frame: int) -> NDArray[np.float32]:
        return enlarge(enlarge_into(one.drawable(frame), size, one.view_box)[rows, columns], grid)

    return [np.stack([inside(one, i) for i in frames]) for one in explanations]


def _common_box(boxes: Sequence[Box | None], size: tuple[int, int]) -> Box:
    """The part of a frame of ``size`` that lies in all boxes."""
    known = [box or (0.0, 0.0, float(size[0]), float(size[1])) for box in boxes]
    top, left = (max(box[side] for box in known) for side in (0, 1))
    bottom, right = (min(box[side] for box in known) for side in (2, 3))
    return top, left, bottom, right
