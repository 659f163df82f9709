"""What all tests and ranks say of the methods: on each network, and on all of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from videxplain.benchmark.measures import MEASURES, Measure
from videxplain.benchmark.ranking import RANKED, Rank, ranks
from videxplain.benchmark.rows import Row
from videxplain.benchmark.significance import Pair, Scores, against_baselines, all_pairs, leaders, scores_of

ALL = ""
"""Stands for all networks together: each clip of each network is then one pair of a test."""
FEWEST = 6
"""With fewer clips no test of two methods can reach a p of 0.05."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """One measure of the methods on one network, or on all.

    Attributes:
        scores: What was measured.
        pairs: Every method against every other.
        beaten: Each method against the baseline that is hardest to beat for it.
        leaders: The methods that beat the baselines and are not told from the best method.
        ranks: The place of each method; empty for measures by which methods are not ranked.
    """

    scores: Scores
    pairs: Sequence[Pair]
    beaten: Mapping[str, Pair]
    leaders: frozenset[str]
    ranks: Mapping[str, Rank]


Judgements: TypeAlias = Mapping[tuple[str, str], Judgement]
"""By network (or ``ALL``) and measure."""


def judge(rows: Sequence[Row], measure: Measure) -> Judgement:
    """Test and rank the methods of some rows."""
    scores = scores_of(rows, measure)
    pairs, beaten = all_pairs(scores), against_baselines(scores)
    places = ranks(scores) if measure.name in RANKED else {}
    return Judgement(scores, pairs, beaten, frozenset(leaders(scores, pairs, beaten)), places)


def judge_all(rows: Sequence[Row]) -> dict[tuple[str, str], Judgement]:
    """Every measure on every network, and on all networks together where there are several."""
    models = list(dict.fromkeys(row.model for row in rows))
    groups = {model: [row for row in rows if row.model == model] for model in models}
    if len(models) > 1:
        groups[ALL] = list(rows)
    return {(name, measure): judge(own, MEASURES[measure]) for name, own in groups.items() for measure in MEASURES}
