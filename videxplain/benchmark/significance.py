"""Is one method better than another, or is it chance? Paired tests over clips, corrected for their number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videxplain.benchmark.measures import Measure
from videxplain.benchmark.rows import BASELINE, BLIND, Row

LEVEL = 0.05
"""Below this a corrected p counts."""
Clip = tuple[str, str]
"""A network and a video."""


@dataclass(frozen=True, eq=False)
class Scores:
    """One measure of several methods, on the same clips.

    Attributes:
        methods: M names, baselines without a network (``BLIND``) included.
        clips: V clips, each a network and a video.
        values: ``(M, V)``, turned so that more is better; NaN where there is no value.
        is_method: ``(M,)``: whether it is a method, and no baseline.
    """

    methods: tuple[str, ...]
    clips: tuple[Clip, ...]
    values: NDArray[np.float64]
    is_method: NDArray[np.bool_]

    def row(self, method: str) -> NDArray[np.float64]:
        """``(V,)`` values of a method."""
        return self.values[self.methods.index(method)]

    def best(self) -> str | None:
        """The method with the highest mean; None where no method has a value."""
        means = {name: mean for name, mean in self.means().items() if self.is_method[self.methods.index(name)]}
        return max(means, key=means.__getitem__) if means else None

    def means(self) -> dict[str, float]:
        """The mean over its clips of each method that has a value."""
        known = ~np.isnan(self.values)
        return {
            name: float(self.values[place][known[place]].mean())
            for place, name in enumerate(self.methods)
            if known[place].any()
        }


@dataclass(frozen=True)
class Pair:
    """A paired comparison of two methods.

    Attributes:
        first: A method, or a baseline.
        second: Another.
        clips: On how many clips both have a value.
        difference: The mean of first minus second over these clips; above zero where the first is better.
        p: Of the Wilcoxon signed-rank test, two-sided.
        corrected: The same after Holm's correction for all comparisons of its family.
    """

    first: str
    second: str
    clips: int
    difference: float
    p: float
    corrected: float

    @property
    def better(self) -> str:
        """Which of the two is better at ``LEVEL``; empty where the test does not tell."""
        if self.corrected >= LEVEL or self.difference == 0:
            return ""
        return self.first if self.difference > 0 else self.second


def scores_of(rows: Sequence[Row], measure: Measure) -> Scores:
    """The values of one measure, of methods and of the baselines that know nothing."""
    wanted = [row for row in rows if not row.refused and (row.family != BASELINE or row.method in BLIND)]
    methods = tuple(dict.fromkeys(row.method for row in wanted))
    clips = tuple(dict.fromkeys((row.model, row.video) for row in wanted))
    values = np.full((len(methods), len(clips)), np.nan)
    place = {clip: number for number, clip in enumerate(clips)}
    sign = 1.0 if measure.better == "higher" else -1.0
    for row in wanted:
        if (value := row.values.get(measure.name)) is not None:
            values[methods.index(row.method), place[row.model, row.video]] = sign * value
    blind = {row.method for row in wanted if row.family == BASELINE}
    return Scores(methods, clips, values, np.array([name not in blind for name in methods], bool))


def wilcoxon(differences: Sequence[float] | NDArray[np.float64]) -> float:
    """The two-sided p of Wilcoxon's signed-rank test, exact, also where differences tie.

    Differences of zero are left out, and equal ones share the mean of their ranks (Wilcoxon, Biometrics Bulletin
    1945). Every pattern of signs is as likely as any other if there is no difference; the distribution of the sum of
    positive ranks follows by adding one difference after the other. It is 1 where all differences are zero.
    """
    from scipy.stats import rankdata

    values = np.asarray(differences, np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    # Twice the ranks are whole numbers, also where two share a rank.
    doubled = np.rint(2 * rankdata(np.abs(values))).astype(int)
    ways = np.zeros(int(doubled.sum()) + 1)
    ways[0] = 1.0
    for rank in doubled:
        ways[rank:] = (ways[rank:] + ways[: len(ways) - rank]) / 2
        ways[:rank] /= 2
    found = int(doubled[values > 0].sum())
    return min(1.0, 2 * float(min(ways[: found + 1].sum(), ways[found:].sum())))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values of a family of tests, corrected for their number (Holm, Scandinavian Journal of Statistics 1979)."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.zeros(len(order))
    largest = 0.0
    for done, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - done) * p_values[place]))
        corrected[place] = largest
    return corrected.tolist()


def all_pairs(scores: Scores) -> list[Pair]:
    """Every method against every other; one family for Holm's correction."""
    names = [name for name, method in zip(scores.methods, scores.is_method, strict=True) if method]
    return _corrected(
        [_pair(scores, first, second) for place, first in enumerate(names) for second in names[place + 1 :]]
    )


def against_baselines(scores: Scores) -> dict[str, Pair]:
    """For each method the comparison with the baseline that it is furthest from beating; one family.

    A method beats the baselines if it beats each of them, so the largest of its p values counts, and 1 where a baseline
    has the better mean.
    """
    names = [name for name, method in zip(scores.methods, scores.is_method, strict=True) if method]
    bars = [name for name, method in zip(scores.methods, scores.is_method, strict=True) if not method]
    hardest = []
    for name in names:
        pairs = [_pair(scores, name, bar) for bar in bars]
        pairs = [pair if pair.difference > 0 else replace(pair, p=1.0) for pair in pairs if pair.clips]
        if pairs:
            hardest.append(max(pairs, key=lambda pair: (pair.p, -pair.difference)))
    return {pair.first: pair for pair in _corrected(hardest)}


def leaders(scores: Scores, pairs: Sequence[Pair], beaten: Mapping[str, Pair]) -> set[str]:
    """The methods that beat the baselines and are not told from the best method of them.

    Args:
        scores: The measure.
        pairs: Of :func:`all_pairs`.
        beaten: Of :func:`against_baselines`.
    """
    means = scores.means()
    good = [name for name, pair in beaten.items() if pair.better == name]
    if not good:
        return set()
    best = max(good, key=means.__getitem__)
    worse = {pair.first if pair.better == pair.second else pair.second for pair in pairs if pair.better == best}
    return {name for name in good if name not in worse}


def _pair(scores: Scores, first: str, second: str) -> Pair:
    differences = scores.row(first) - scores.row(second)
    differences = differences[~np.isnan(differences)]
    mean = float(differences.mean()) if len(differences) else 0.0
    return Pair(first, second, len(differences), mean, wilcoxon(differences), 1.0)


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with their corrected p; those without a common clip are no tests."""
    tested = [pair for pair in pairs if pair.clips]
    return [replace(pair, corrected=p) for pair, p in zip(tested, holm([pair.p for pair in tested]), strict=True)]
