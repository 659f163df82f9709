"""Which method comes first, how sure that is, and whether it comes first elsewhere too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videxplain.benchmark.measures import MEASURES, Measure
from videxplain.benchmark.rows import Row
from videxplain.benchmark.significance import Scores, scores_of

RESAMPLES = 2000
CONFIDENCE = 0.95
RANKED = ("deletion", "insertion", "road", "energy", "energy_in_time")
"""The measures by which methods are ranked."""
LEAST = 4
"""Rankings of fewer common methods are not compared."""


@dataclass(frozen=True)
class Rank:
    """The place of a method in a measure.

    Attributes:
        rank: By the mean over clips, 1 the best; methods with equal means share the mean of their places.
        low: Lower end of its 95 % interval, from 2,000 resamples of the clips (percentiles); and so the upper end.
        high: See there.
        of: Among how many methods: those that were measured on all of this one's clips.
        clips: How many clips that is.
    """

    rank: float
    low: float
    high: float
    of: int
    clips: int

    def __str__(self) -> str:
        """The rank and its interval, to one decimal."""
        rank, low, high = (f"{round(value, 1):g}" for value in (self.rank, self.low, self.high))
        return f"{rank} [{low}, {high}]"


@dataclass(frozen=True)
class Likeness:
    """How alike two networks rank the methods in a measure.

    Attributes:
        first: A network.
        second: Another.
        measure: Name of the measure.
        correlation: Spearman's rank correlation of the methods' means.
        low: Lower end of its 95 % interval, from 2,000 resamples of the clips of both; and so the upper end.
        high: See there.
        p: Of the correlation, if the order of methods on one says nothing of the order on the other.
        methods: How many methods both have.
    """

    first: str
    second: str
    measure: str
    correlation: float
    low: float
    high: float
    p: float
    methods: int


def ranks(scores: Scores) -> dict[str, Rank]:
    """The place of each method, with its interval.

    Each method is ranked on the clips that it has, among the methods that have these clips too.
    """
    known = ~np.isnan(scores.values)
    places: dict[str, Rank] = {}
    for number, name in enumerate(scores.methods):
        clips = np.flatnonzero(known[number])
        if not scores.is_method[number] or not len(clips):
            continue
        rivals = np.flatnonzero(scores.is_method & known[:, clips].all(1))
        values = scores.values[np.ix_(rivals, clips)]
        own = int(np.flatnonzero(rivals == number)[0])
        drawn = _ranked(_resampled_means(values))[own]
        low, high = np.percentile(drawn, _tails())
        rank = float(_ranked(values.mean(1, keepdims=True))[own, 0])
        places[name] = Rank(rank, float(low), float(high), len(rivals), len(clips))
    return places


def likeness(rows: Sequence[Row], first: str, second: str, measure: Measure) -> Likeness | None:
    """How alike two networks rank the methods that both have; None for fewer than ``LEAST`` of them.

    Args:
        rows: Of both networks.
        first: A network.
        second: Another.
        measure: What they are ranked by.
    """
    from scipy.stats import spearmanr

    one, other = (scores_of([row for row in rows if row.model == model], measure) for model in (first, second))
    common = [name for name in _whole(one) if name in _whole(other)]
    if len(common) < LEAST:
        return None
    values = [np.stack([scores.row(name) for name in common]) for scores in (one, other)]
    values = [table[:, ~np.isnan(table).any(0)] for table in values]
    if min(table.shape[1] for table in values) == 0:
        return None
    means = [table.mean(1).round(12) for table in values]
    if not all(np.ptp(one) > 0 for one in means):
        return None
    found = spearmanr(*means)
    drawn = [_ranked(_resampled_means(table, seed)) for seed, table in enumerate(values)]
    low, high = np.percentile(_correlations(drawn[0], drawn[1]), _tails())
    return Likeness(
        first, second, measure.name, float(found.statistic), float(low), float(high), float(found.pvalue), len(common)
    )


def all_likenesses(rows: Sequence[Row]) -> list[Likeness]:
    """All pairs of networks, in all measures by which methods are ranked."""
    models = list(dict.fromkeys(row.model for row in rows))
    pairs = [(a, b) for place, a in enumerate(models) for b in models[place + 1 :]]
    found = [likeness(rows, a, b, MEASURES[name]) for a, b in pairs for name in RANKED]
    return [one for one in found if one is not None]


def _whole(scores: Scores) -> list[str]:
    """The methods that were measured on at least half of the clips: what is slow, or barely begun, is left out."""
    known = (~np.isnan(scores.values)).sum(1)
    most = known.max(initial=0)
    return [
        name
        for name, method, clips in zip(scores.methods, scores.is_method, known, strict=True)
        if method and clips and 2 * clips >= most
    ]


def _resampled_means(values: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """``(M, V)`` to the means of ``RESAMPLES`` draws of V clips, ``(M, RESAMPLES)``; all methods get the same draws."""
    clips = values.shape[1]
    picks = np.random.default_rng(seed).integers(clips, size=(RESAMPLES, clips))
    shares = np.stack([np.bincount(one, minlength=clips) for one in picks]) / clips
    # Rounded, so that methods which are the same map on all clips tie whatever the order of summing.
    return np.asarray((values @ shares.T).round(12))


def _ranked(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(M, R)`` to places, 1 for the highest of each column."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-means.round(12), axis=0))


def _correlations(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's correlation of each pair of columns; 0 where all are equal."""
    a, b = first - first.mean(0), second - second.mean(0)
    scale = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    return np.divide((a * b).sum(0), scale, out=np.zeros_like(scale), where=scale > 0)


def _tails() -> tuple[float, float]:
    tail = 50 * (1 - CONFIDENCE)
    return tail, 100 - tail
