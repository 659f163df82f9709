"""Figures of maps, shards, clusters, calibration: closed forms."""

import numpy as np
import pytest

from videxplain.audit.clusters import find_clusters, reduced
from videxplain.audit.map_figures import map_figures
from videxplain.audit.report.statistics import calibration, confusion
from videxplain.errors import VidexplainError
from videxplain.runs.shards import cut, share_of


def test_an_even_map():
    figures = map_figures(np.ones((4, 7, 5), np.float32))
    assert (figures.first, figures.last, figures.time_share) == (0, 3, 1.0)
    values = (figures.x, figures.y, figures.middle, figures.border, figures.concentration)
    assert values == pytest.approx((0.5, 0.5, 0.25, 0.36, 0.1))
    # Variance of n even places in [0, 1] is (1 - 1 / n^2) / 12.
    assert figures.spread == pytest.approx(np.sqrt((1 - 1 / 49) / 12 + (1 - 1 / 25) / 12))


def test_one_cell():
    maps = np.zeros((10, 4, 4), np.float32)
    maps[6, 0, 3] = 2
    figures = map_figures(maps)
    assert (figures.first, figures.last, figures.time_share) == (6, 6, 0.1)
    assert (figures.x, figures.y, figures.spread) == pytest.approx((3.5 / 4, 0.5 / 4, 0))
    assert figures.middle == 0
    # The cell spans 0.75 to 1 and 0 to 0.25; 0.15 of 0.25 of each side lie inside the border's inner edge.
    assert figures.border == pytest.approx(1 - (0.15 / 0.25) ** 2)
    assert figures.concentration == 1


def test_negative_values_and_blank_maps_are_no_evidence():
    maps = np.full((3, 2, 2), -1.0, np.float32)
    assert map_figures(maps) == map_figures(np.zeros((3, 2, 2), np.float32))
    assert set(vars(map_figures(maps)).values()) == {None}
    maps[1, 0, 0] = 4
    assert (map_figures(maps).x, map_figures(maps).first) == (0.25, 1)


def test_shards_cover_the_list_once():
    shards = cut(10, 4)
    assert [(one.start, one.stop) for one in shards] == [(0, 4), (4, 8), (8, 10)]
    jobs = [share_of(shards, f"{i}/2") for i in (1, 2)]
    assert sorted(one.number for job in jobs for one in job) == [0, 1, 2]
    assert share_of(shards, None) == shards


@pytest.mark.parametrize("part", ["0/2", "3/2", "2", "a/b", "-1/2", "1/0"])
def test_a_part_that_makes_no_sense(part):
    with pytest.raises(VidexplainError, match="such as 3/8"):
        share_of(cut(3, 1), part)


def test_reduced_keeps_the_sum_and_the_place():
    maps = np.zeros((8, 16, 16), np.float32)
    maps[2:4, 4:6, 10:12] = 3
    small = reduced(maps, (4, 8, 8)).reshape(4, 8, 8)
    assert small.sum() == pytest.approx(1)
    assert small[1, 2, 5] == pytest.approx(1)
    assert reduced(np.ones((3, 5, 7), np.float32)) == pytest.approx(1 / 256)


def test_a_corner_among_middles_is_the_oddest_cluster():
    draw = np.random.default_rng(0)
    maps, labels = [], []
    for i in range(60):
        y, x = draw.normal(4, 0.7, 2) if i >= 20 else draw.normal(0.6, 0.2, 2)
        rows, columns = np.mgrid[:8, :8] + 0.5
        spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 2).astype(np.float32)
        maps.append(reduced(np.stack([spot] * 4)))
        labels.append("marked" if i < 20 else "plain" if i < 40 else "other")
    clusters, oddness = find_clusters(range(60), labels, [True] * 60, np.stack(maps))
    assert clusters[0].label == "marked"
    assert set(clusters[0].members) <= set(range(20))
    assert clusters[0].accuracy == 1
    assert len(oddness) == 60


def test_calibration_by_hand():
    probability = np.array([0.95, 0.95, 0.95, 0.95, 0.65, 0.65])
    right = np.array([True, True, True, False, True, True])
    found = calibration(probability, right)
    np.testing.assert_allclose(found.bins, [(0.6, 2, 0.65, 1.0), (0.9, 4, 0.95, 0.75)])
    assert found.error == pytest.approx((2 * 0.35 + 4 * 0.2) / 6)


def test_confusions_by_hand():
    import pandas as pd

    table = pd.DataFrame({"truth": ["a", "a", "a", "b", "other", None], "prediction": ["b", "b", "a", "b", "a", "a"]})
    assert confusion(table, ["a", "b"]).tolist() == [[1, 2], [0, 1]]
