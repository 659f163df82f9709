"""Paired tests against SciPy and against every pattern of signs written out."""

import itertools

import numpy as np
import pytest
from scipy.stats import rankdata
from scipy.stats import wilcoxon as scipys

from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.rows import Row
from videxplain.benchmark.significance import against_baselines, all_pairs, holm, leaders, scores_of, wilcoxon


def row(method, video, value, family="cam", measure="deletion", model="m"):
    return Row(model, "w", method, family, str(video), "walk", 0.9, {measure: value})


def by_all_signs(differences):
    """The two-sided p, from all patterns of signs."""
    values = np.array([value for value in differences if value])
    ranks = rankdata(np.abs(values))
    sums = np.array([ranks[np.array(signs, bool)].sum() for signs in itertools.product((0, 1), repeat=len(values))])
    found = ranks[values > 0].sum()
    return min(1.0, 2 * min((sums <= found + 1e-9).mean(), (sums >= found - 1e-9).mean()))


@pytest.mark.parametrize("count", [5, 12, 40])
def test_p_is_scipys_where_nothing_ties(count):
    differences = np.random.default_rng(count).normal(0.3, 1, count)
    assert wilcoxon(differences) == pytest.approx(scipys(differences, method="exact").pvalue, rel=1e-9)


@pytest.mark.parametrize(
    "differences",
    [
        [1, 1, 1, -1, 2, 0],
        [0.5, -0.5, 0.5, 0.5, 1, 1, -2],
        [3, 3, 3, 3],
        [0.1, 0, 0, 0],
        [1, -1, 1, -1, 1, 1, 1, 1, 1, 1],
    ],
)
def test_p_is_that_of_all_patterns_of_signs_where_differences_tie(differences):
    assert wilcoxon(differences) == pytest.approx(by_all_signs(differences), rel=1e-12)


def test_p_of_many_clips_and_of_none():
    assert wilcoxon([1.0] * 6) == pytest.approx(2 / 64)
    assert wilcoxon([0.0, 0.0]) == 1.0
    assert wilcoxon([]) == 1.0
    many = np.random.default_rng(0).normal(0.2, 1, 280)
    assert wilcoxon(many) == pytest.approx(scipys(many, method="asymptotic").pvalue, rel=0.05)


def test_holms_correction_by_hand():
    # 0.01 x 4, 0.02 x 3, 0.03 x 2 (but not below the one before), 0.5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def many(values, method, family="cam", measure="deletion"):
    return [row(method, video, value, family, measure) for video, value in enumerate(values)]


def sample():
    """Deletion, lower is better: good and twin beat the baselines, half does not beat the centre, bad beats none."""
    draw = np.random.default_rng(1)
    base = draw.uniform(0.4, 0.6, 12)
    noise = draw.normal(0, 0.01, (4, 12))
    return [
        *many(base, "random", "baseline"),
        *many(base - 0.2, "centre", "baseline"),
        *many(base - 0.4, "the evidence", "baseline"),  # it has seen the masks: no bar
        *many(base - 0.3 + noise[0], "good"),
        *many(base - 0.3 + noise[1], "twin"),
        *many(base - 0.1 + noise[2], "half"),
        *many(base + 0.1 + noise[3], "bad"),
    ]


def test_scores_turn_what_is_low_into_what_is_high():
    scores = scores_of(sample(), MEASURES["deletion"])
    assert scores.methods == ("random", "centre", "good", "twin", "half", "bad")
    assert scores.is_method.tolist() == [False, False, True, True, True, True]
    assert scores.best() in ("good", "twin")
    assert scores.row("random")[0] == pytest.approx(-sample()[0].values["deletion"])


def test_who_beats_the_baselines():
    beaten = against_baselines(scores_of(sample(), MEASURES["deletion"]))
    assert {name: pair.better for name, pair in beaten.items()} == {
        "good": "good",
        "twin": "twin",
        "half": "",
        "bad": "",
    }
    assert {pair.second for pair in beaten.values()} <= {"centre", "random"}
    # All twelve differences point one way, and two of four tests of the family are left when p is 1.
    assert beaten["good"].p == pytest.approx(2 / 2**12)
    assert beaten["good"].corrected == pytest.approx(4 * 2 / 2**12)
    assert beaten["half"].corrected == 1.0
    assert beaten["good"].difference == pytest.approx(0.1, abs=0.01)


def test_pairs_and_leaders():
    scores = scores_of(sample(), MEASURES["deletion"])
    pairs = all_pairs(scores)
    assert len(pairs) == 6
    found = {(pair.first, pair.second): pair.better for pair in pairs}
    assert found["good", "twin"] == ""
    assert found["good", "half"] == "good"
    assert found["half", "bad"] == "half"
    assert leaders(scores, pairs, against_baselines(scores)) == {"good", "twin"}


def test_few_clips_tell_nothing():
    rows = [one for one in sample() if int(one.video) < 5]
    scores = scores_of(rows, MEASURES["deletion"])
    assert all(not pair.better for pair in all_pairs(scores))
    assert leaders(scores, all_pairs(scores), against_baselines(scores)) == set()


def test_a_method_is_compared_on_the_clips_that_both_have():
    rows = [*many([0.5] * 8, "random", "baseline"), *many([0.1] * 8, "good"), *many([0.2] * 3, "slow")]
    pairs = {(pair.first, pair.second): pair for pair in all_pairs(scores_of(rows, MEASURES["deletion"]))}
    assert pairs["good", "slow"].clips == 3
    assert pairs["good", "slow"].difference == pytest.approx(0.1)
    refused = Row("m", "w", "never", "cam", "0", "walk", 0.9, {}, refused="calls no ReLU")
    assert "never" not in scores_of([*rows, refused], MEASURES["deletion"]).methods
    # Two networks: the same video is another clip.
    other = [row("good", 0, 0.3, model="n"), row("slow", 0, 0.4, model="n")]
    assert len(scores_of([*rows, *other], MEASURES["deletion"]).clips) == 9
