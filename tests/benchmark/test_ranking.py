"""Ranks with intervals, and the correlation of rankings, against slow and literal versions."""

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.ranking import Rank, all_likenesses, likeness, ranks
from videxplain.benchmark.rows import Row
from videxplain.benchmark.significance import scores_of

ROAD = MEASURES["road"]


def rows_of(table, model="m", measure="road"):
    """``table``: method to its values, one a clip; None where it was not measured."""
    return [
        Row(model, "w", method, "cam", f"clip {number}", "walk", 0.9, {measure: value})
        for method, values in table.items()
        for number, value in enumerate(values)
        if value is not None
    ]


def test_ranks_by_hand():
    table = {"a": [0.9] * 8, "b": [0.5] * 8, "c": [0.5] * 8, "d": [0.1] * 8}
    places = ranks(scores_of(rows_of(table), ROAD))
    assert {name: (one.rank, one.low, one.high, one.of, one.clips) for name, one in places.items()} == {
        "a": (1, 1, 1, 4, 8),
        "b": (2.5, 2.5, 2.5, 4, 8),
        "c": (2.5, 2.5, 2.5, 4, 8),
        "d": (4, 4, 4, 4, 8),
    }
    # Of a measure where less is better the order turns round.
    low = ranks(scores_of(rows_of(table, measure="deletion"), MEASURES["deletion"]))
    assert (low["d"].rank, low["a"].rank) == (1, 4)


def test_a_rank_in_words():
    assert str(Rank(3.0, 2.5, 5.0125, 20, 22)) == "3 [2.5, 5]"


def test_intervals_are_those_of_a_literal_bootstrap():
    draw = np.random.default_rng(3)
    values = draw.normal([[0.0], [0.1], [0.3]], 0.5, (3, 15))
    places = ranks(scores_of(rows_of(dict(zip("abc", values.tolist(), strict=True))), ROAD))
    picks = np.random.default_rng(0).integers(15, size=(2000, 15))
    drawn = np.array([rankdata(-np.array([values[m][pick].mean() for m in range(3)]).round(12)) for pick in picks])
    for number, name in enumerate("abc"):
        assert (places[name].low, places[name].high) == tuple(np.percentile(drawn[:, number], (2.5, 97.5)))
    assert places["a"].low < places["a"].high


def test_a_slow_method_is_ranked_on_its_own_clips():
    table = {"a": [0.9] * 6, "b": [0.5] * 6, "slow": [0.7, 0.7, 0.7, None, None, None]}
    places = ranks(scores_of(rows_of(table), ROAD))
    assert (places["slow"].rank, places["slow"].of, places["slow"].clips) == (2, 3, 3)
    assert (places["b"].rank, places["b"].of, places["b"].clips) == (2, 2, 6)


def two_networks():
    draw = np.random.default_rng(5)
    level = np.linspace(0, 1, 7)
    names = [f"method {number}" for number in range(7)]
    one = {name: (mean + draw.normal(0, 0.05, 10)).tolist() for name, mean in zip(names, level, strict=True)}
    other = {name: (mean + draw.normal(0, 0.3, 14)).tolist() for name, mean in zip(names, level, strict=True)}
    reverse = {name: (-mean + draw.normal(0, 0.05, 10)).tolist() for name, mean in zip(names, level, strict=True)}
    return one, other, reverse


def test_rankings_of_two_networks():
    one, other, reverse = two_networks()
    rows = [*rows_of(one, "rendered"), *rows_of(other, "real"), *rows_of(reverse, "reverse")]
    found = likeness(rows, "rendered", "real", ROAD)
    expected = spearmanr([np.mean(v) for v in one.values()], [np.mean(v) for v in other.values()])
    assert found.correlation == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.methods == 7
    assert found.low <= found.correlation <= found.high
    assert found.low < found.high
    assert likeness(rows, "rendered", "reverse", ROAD).correlation == -1
    names = [(found.first, found.second) for found in all_likenesses(rows)]
    assert names == [("rendered", "real"), ("rendered", "reverse"), ("real", "reverse")]


def test_too_few_methods_in_common_are_not_compared():
    one, other, _ = two_networks()
    few = dict(list(other.items())[:3])
    assert likeness([*rows_of(one, "a"), *rows_of(few, "b")], "a", "b", ROAD) is None
    # One that was measured on few clips is no reason to throw the other clips away.
    other["method 0"] = [*other["method 0"][:2], *[None] * 12]
    assert likeness([*rows_of(one, "a"), *rows_of(other, "b")], "a", "b", ROAD).methods == 6
    same = {name: [0.5] * 4 for name in one}
    assert likeness([*rows_of(one, "a"), *rows_of(same, "b")], "a", "b", ROAD) is None
