"""Means over clips, with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.rows import BASELINE, Row

RESAMPLES = 2000
CONFIDENCE = 0.95
COSTS = ("passes", "seconds", "memory_mib")


@dataclass(frozen=True)
class Mean:
    """A mean over clips.

    Attributes:
        value: The mean.
        low: Lower end of its 95 % interval, from 2,000 resamples of the clips (percentiles); and so the upper end.
        high: See there.
        clips: How many there were.
    """

    value: float
    low: float
    high: float
    clips: int


@dataclass(frozen=True)
class Line:
    """One method on one network.

    Attributes:
        model: The network.
        weights: In words.
        method: The method, or the map that no network made.
        family: Its family.
        means: By measure, and by ``COSTS``; those that cannot be said are missing.
        blank: The share of clips on which there is no positive evidence at all.
        refused: Why the method does not explain this network; empty where it does.
    """

    model: str
    weights: str
    method: str
    family: str
    means: Mapping[str, Mean]
    blank: float
    refused: str = ""


def summarise(rows: Sequence[Row]) -> list[Line]:
    """Rows of any number of networks and methods, as means; in the order in which they first come."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.method), []).append(row)
    return [_line(group) for group in groups.values()]


def mean(values: Sequence[float]) -> Mean:
    """The mean with its interval; the same values give the same interval."""
    numbers = np.asarray(values, np.float64)
    picks = np.random.default_rng(0).integers(len(numbers), size=(RESAMPLES, len(numbers)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(numbers[picks].mean(1), (tail, 100 - tail))
    return Mean(float(numbers.mean()), float(low), float(high), len(numbers))


def is_method(line: Line) -> bool:
    """Whether it is a method, and no baseline."""
    return line.family != BASELINE


def _line(rows: Sequence[Row]) -> Line:
    first = rows[0]
    explained = [row for row in rows if not row.refused]
    means = {}
    for name in MEASURES:
        values = [value for row in explained if (value := row.values.get(name)) is not None]
        if values:
            means[name] = mean(values)
    for name, numbers in {
        "passes": [row.seconds / row.forward_seconds for row in explained if row.seconds and row.forward_seconds],
        "seconds": [row.seconds for row in explained if row.seconds is not None],
        "memory_mib": [row.memory_mib for row in explained if row.memory_mib is not None],
    }.items():
        if numbers:
            # Something else on the machine now and then holds one up: the middle, not the mean.
            means[name] = Mean(float(np.median(numbers)), float(min(numbers)), float(max(numbers)), len(numbers))
    refused = next((row.refused for row in rows if row.refused), "")
    blank = float(np.mean([row.blank for row in explained])) if explained else 0.0
    return Line(first.model, first.weights, first.method, first.family, means, blank, refused)
