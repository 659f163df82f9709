"""Tubes and regions, with numbers that a hand can compute."""

import numpy as np
import pytest

from videxplain.actionfigures import Evidence
from videxplain.concepts.matching import REGIONS, Matching, matched_region, region_cells
from videxplain.concepts.tubes import box_of, strongest_tube


def test_the_tube_is_the_connected_part_that_holds_most():
    maps = np.zeros((6, 4, 5), np.float32)
    maps[0, 0, 0] = 10  # the strongest place, alone
    maps[2, 1, 2], maps[3, 2, 3], maps[4, 2, 3] = 5, 6, 7  # touches at a corner, moves down and to the right
    maps[3, 3, 0] = 4.9  # below half of the scale
    tube = strongest_tube(maps, scale=9.9)
    assert tube is not None
    assert tube.frames == (2, 4)
    assert tube.strength == pytest.approx(18 / maps.size)
    assert tube.peak == 7
    assert tube.box == (0.4, 0.25, 0.8, 0.75)
    assert tube.box_at(2) == pytest.approx((0.4, 0.25, 0.6, 0.5))
    assert tube.box_at(0) is None
    assert strongest_tube(maps, scale=30) is None


def test_a_box_in_shares_of_the_picture():
    places = np.zeros((4, 8), bool)
    places[1:3, 6:] = True
    assert box_of(places) == (0.75, 0.25, 1.0, 0.75)


def evidence() -> Evidence:
    limbs, people = np.zeros((2, 2, 8, 8), bool)
    limbs[:, :4, :4] = people[:, :4] = True
    return Evidence(limbs, people, np.ones(2, bool), "still", None)


def test_cells_are_covered_by_shares_of_the_regions():
    cells = region_cells(evidence(), (2, 2))
    assert cells.shape == (3, 2, 2, 2)
    np.testing.assert_allclose(cells[0, 0], [[1, 0], [0, 0]])
    np.testing.assert_allclose(cells[1, 0], [[0, 1], [0, 0]])
    np.testing.assert_allclose(cells[2, 0], [[0, 0], [1, 1]])
    np.testing.assert_allclose(region_cells(evidence(), (1, 1))[:, 0, 0, 0], [0.25, 0.25, 0.5])
    # The network saw the lower right part alone.
    np.testing.assert_allclose(region_cells(evidence(), (1, 1), (2, 4, 8, 8))[:, 0, 0, 0], [0, 1 / 3, 2 / 3], atol=1e-6)


def moved(places: np.ndarray, by: int) -> np.ndarray:
    """Cells of a video in which everything lies ``by`` cells further to the right."""
    return np.roll(places, by, axis=-1)


def test_concepts_are_matched_to_the_region_that_they_follow():
    """The figure lies elsewhere in every video. One concept follows the limbs, one all but them; two stay in place."""
    cells = region_cells(evidence(), (4, 4))
    corner = np.zeros_like(cells[0])
    corner[:, -1] = 1  # always background
    matching = Matching()
    for video in range(9):
        here = moved(cells, video)
        matching.add(np.stack([here[0], here[2] + here[1], corner, corner * 0 + 1]) * (1 + video), here, f"g{video}")
    rows = matching.rows(0)
    by = {(row.concept, row.region): row for row in rows}
    assert len(rows) == 9  # a map that is the same everywhere agrees with nothing
    limbs = by[0, "limbs"]
    assert (limbs.correlation, limbs.share, limbs.area, limbs.videos) == (pytest.approx(1), 1, 0.25, 8)
    # Of the limbs' two columns, one is the other video's too: (1/2 - 1/4) / (3/4).
    assert limbs.by_place == pytest.approx(1 / 3)
    assert (limbs.excess, limbs.low, limbs.high) == tuple(pytest.approx(2 / 3) for _ in range(3))
    # Limbs and background exclude each other: -sqrt(p q / ((1 - p) (1 - q))) for p = 1/4 and q = 1/2.
    assert by[0, "background"].correlation == pytest.approx(-np.sqrt(1 / 3))
    assert by[2, "background"].correlation > 0.5
    assert by[2, "background"].excess == pytest.approx(0)
    regions = [matched_region([row for row in rows if row.concept == k]) for k in range(4)]
    assert regions == ["limbs", "bodies", None, None]


def test_a_match_by_chance_is_none():
    rng = np.random.default_rng(0)
    matching = Matching()
    for video in range(30):
        maps = rng.uniform(size=(1, 2, 4, 4)).astype(np.float32)
        matching.add(maps, moved(region_cells(evidence(), (4, 4)), video), f"g{video}")
    rows = matching.rows(0)
    assert {row.region for row in rows} == set(REGIONS)
    assert all(abs(row.excess) < 0.15 for row in rows)
    assert matched_region(rows) is None
