"""The mean maps and the mean curves of the classes of an audit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.clusters import reduced
from videxplain.audit.result import Audit
from videxplain.viz.overlay import enlarge

CURVE_POINTS = 50


@dataclass(frozen=True)
class Gathered:
    """What one pass through all maps gives.

    Attributes:
        reduced: ``(N, D)``, the reduced maps of the explained videos.
        place: For each class ``(h, w)``, the sum of the maps over time and clips, at the grid of its first clip.
        curve: For each class ``(CURVE_POINTS,)``, the sum of its clips' curves over the length of a clip. The largest
            value of each clip counts 1.
    """

    reduced: NDArray[np.float32]
    place: dict[str, NDArray[np.float64]]
    curve: dict[str, NDArray[np.float64]]


def gather(audit: Audit, explained: NDArray[np.int64]) -> Gathered:
    """Read every map of an audit once. The memory does not grow with the length of the videos.

    Args:
        audit: The audit.
        explained: Numbers of the videos that were explained.
    """
    small = []
    place: dict[str, NDArray[np.float64]] = {}
    curve: dict[str, NDArray[np.float64]] = {}
    for number in explained.tolist():
        maps = np.maximum(audit.maps(number), 0)
        small.append(reduced(maps))
        label = class_of(audit, number)
        total = maps.sum()
        one = to_grid(maps.sum(0) / total if total > 0 else maps.sum(0), maps.shape[1:])
        place[label] = place.get(label, np.zeros(one.shape)) + to_grid(
            one, place[label].shape if label in place else one.shape
        )
        over = np.asarray(audit.videos["curve"].iloc[number], float)
        at = np.linspace(0, len(over) - 1, CURVE_POINTS)
        even = np.interp(at, np.arange(len(over)), over)
        curve[label] = curve.get(label, np.zeros(CURVE_POINTS)) + (even / even.max() if even.max() > 0 else 0)
    return Gathered(np.stack(small) if small else np.zeros((0, 1), np.float32), place, curve)


def to_grid(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A map ``(h, w)``, resized to ``shape`` (rows, columns)."""
    if values.shape == shape:
        return values.astype(np.float64)
    return enlarge(values, (shape[0], shape[1])).astype(np.float64)


def features_of(audit: Audit, explained: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """The network's features of the explained videos, ``(N, F)``; None if they are not known."""
    rows = [np.asarray(audit.videos["features"].iloc[i], np.float32) for i in explained]
    return np.stack(rows) if rows and len(rows[0]) and len({len(row) for row in rows}) == 1 else None


def class_of(audit: Audit, number: int) -> str:
    """The class of a video: its truth, or without a truth its prediction."""
    truth = audit.videos["truth"].iloc[number]
    return truth if isinstance(truth, str) else str(audit.videos["prediction"].iloc[number])
