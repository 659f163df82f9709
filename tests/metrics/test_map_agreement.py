"""How far two maps say the same, against rank correlation and overlap written out."""

import math

import numpy as np
import pytest

from videxplain.errors import VidexplainError
from videxplain.metrics.map_agreement import agreement


def literal_ranks(values):
    """The rank of each value, from 1; equal values share the mean of theirs."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


def literal_correlation(first, second):
    a, b = literal_ranks(list(first.ravel())), literal_ranks(list(second.ravel()))
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    together = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return together / math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))


def literal_overlap(first, second):
    """The places among the tenth with the highest values, if the values are positive; ties go to the first places."""
    chosen = []
    for values in (first.ravel(), second.ravel()):
        order = sorted(range(len(values)), key=lambda place: (-values[place], place))
        chosen.append({place for place in order[: round(0.1 * len(values))] if values[place] > 0})
    return len(chosen[0] & chosen[1]) / max(len(one) for one in chosen)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [1, 6])
def test_like_the_literal_version(seed, decimals):
    draw = np.random.default_rng(seed)
    first = draw.normal(size=(4, 5, 6)).round(decimals).astype(np.float32)
    second = (0.5 * first + draw.normal(size=first.shape)).round(decimals).astype(np.float32)
    found = agreement(first, second)
    assert found.rank_correlation == pytest.approx(literal_correlation(first, second), abs=1e-9)
    assert found.overlap == pytest.approx(literal_overlap(first, second))


def test_the_same_map_and_its_opposite():
    values = np.arange(1, 101, dtype=np.float32).reshape(4, 5, 5)
    assert vars(agreement(values, 3 * values)) == {"rank_correlation": pytest.approx(1), "overlap": 1.0}
    assert vars(agreement(values, 200 - values)) == {"rank_correlation": pytest.approx(-1), "overlap": 0.0}


def test_places_without_evidence_are_no_agreement():
    # Of 100 places 4 and 5 are positive, and 2 are so in both; the zeros, of which there are many, do not count.
    first, second = np.zeros((2, 1, 10, 10), np.float32)
    first[0, 0, 2:6], second[0, 0, 4:9] = 1.0, 1.0
    assert agreement(first, second).overlap == pytest.approx(2 / 5)
    assert math.isnan(agreement(first, -second).overlap)
    assert agreement(first, np.zeros_like(first)).rank_correlation == 0


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(VidexplainError, match=r"^two maps of one shape are compared, not \(2, 3, 4\) and \(2, 3, 5\)$"):
        agreement(np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 5), np.float32))
