"""Whether a map lies on known evidence: numbers a hand computes, literal versions, and Quantus."""

import numpy as np
import pytest

from tests.oracles import metrics as literal
from videxplain.errors import VidexplainError
from videxplain.metrics.baselines import centre_map, motion_map, random_map
from videxplain.metrics.localisation import (
    energy,
    energy_in_time,
    iou,
    iou_in_time,
    per_frame,
    pointing,
    pointing_in_time,
    pointing_within,
)

IN_SPACE = {energy: literal.energy, pointing: literal.pointing, iou: literal.iou}
IN_TIME = {energy_in_time: literal.energy, pointing_in_time: literal.pointing, iou_in_time: literal.iou}
MASK = np.array([[[1, 1, 0], [0, 0, 0]], [[0, 0, 1], [0, 0, 0]]], bool)
"""Two frames of two rows and three columns, three voxels of evidence."""


def heat(*values):
    return np.array(values, np.float32).reshape(2, 2, 3)


@pytest.mark.parametrize(
    ("values", "inside", "pointed", "overlap"),
    [
        # All that is in the mask is in it alone.
        (heat(5, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0), 1, 1, 1),
        # 3 + 1 of 8; the maximum is outside; of the three strongest, two of which hit: 2 / 4.
        (heat(3, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 0), 0.5, 0, 0.5),
        # What is negative counts as zero, and is never chosen: 2 / 2; one of the two maxima hits; 1 / (3 + 1).
        (heat(2, -9, -1, 2, -1, -1, -1, -1, -1, -1, -1, -1), 0.5, 0.5, 0.25),
        # Everything alike: a share of 3 / 12, and the first three in time, rows and columns, two of which hit.
        (heat(*[0.7] * 12), 0.25, 0.25, 0.5),
        (heat(*[0] * 12), 0, 0, 0),
        (heat(*[-2] * 12), 0, 0, 0),
    ],
)
def test_numbers_a_hand_computes(values, inside, pointed, overlap):
    assert energy(values, MASK) == pytest.approx(inside)
    assert pointing(values, MASK) == pytest.approx(pointed)
    assert iou(values, MASK) == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("values", "inside", "pointed", "overlap"),
    [
        # Frames hold 3, 2, 1 and 0; the second and the third are active.
        ([[1, 2], [2, -5], [1, 0], [0, 0]], 0.5, 0, 1 / 3),
        ([[0, 0], [3, 3], [0, 1], [0, 0]], 1, 1, 1),
        # A frame that holds less than nothing holds nothing.
        ([[-9, -9], [1, 0], [-1, -1], [-4, -4]], 1, 1, 0.5),
        ([[0, 0]] * 4, 0, 0, 0),
    ],
)
def test_in_time_a_frame_counts_by_all_it_holds(values, inside, pointed, overlap):
    values = np.array(values, np.float32).reshape(4, 1, 2)
    active = np.array([False, True, True, False])
    assert energy_in_time(values, active) == pytest.approx(inside)
    assert pointing_in_time(values, active) == pytest.approx(pointed)
    assert iou_in_time(values, active) == pytest.approx(overlap)


def test_an_empty_mask_holds_nothing():
    nothing = np.zeros((2, 2, 3), bool)
    values = heat(*range(12))
    assert (energy(values, nothing), pointing(values, nothing), iou(values, nothing)) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_literal_versions(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(4, 6, 5)).round(1).astype(np.float32)  # rounded, so that there are equal values
    mask = rng.random((4, 6, 5)) < rng.uniform(0.05, 0.9)
    for fast, slow in IN_SPACE.items():
        assert fast(values, mask) == pytest.approx(slow(values, mask), abs=1e-6)
    active = np.array([True, False, True, False])
    held = np.array([sum(max(0.0, float(v)) for v in frame.ravel()) for frame in values])
    assert per_frame(values) == pytest.approx(held, abs=1e-5)
    for fast, slow in IN_TIME.items():
        assert fast(values, active) == pytest.approx(slow(held, active), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_equals_quantus(seed):
    quantus = pytest.importorskip("quantus")
    rng = np.random.default_rng(seed)
    values, mask = rng.random((4, 8, 8)).astype(np.float32), rng.random((4, 8, 8)) < 0.3
    batch = {"a_batch": values[None, None], "s_batch": mask[None, None]}
    options = {"normalise": False, "disable_warnings": True}
    assert pointing(values, mask) == quantus.PointingGame(**options).evaluate_batch(**batch)[0]
    mass = quantus.RelevanceMassAccuracy(**options).evaluate_batch(**batch)[0]
    assert energy(values, mask) == pytest.approx(mass, abs=1e-6)
    # Of as many voxels as the mask has, a share r lies in it: then the union is 2 - r of them.
    rank = quantus.RelevanceRankAccuracy(**options).evaluate_batch(**batch)[0]
    assert iou(values, mask) == pytest.approx(rank / (2 - rank), abs=1e-9)


def test_scale_changes_nothing():
    rng = np.random.default_rng(0)
    values, mask = rng.normal(size=(2, 9, 9)).astype(np.float32), rng.random((2, 9, 9)) < 0.2
    for measure in IN_SPACE:
        assert measure(1e-6 * values, mask) == pytest.approx(measure(values, mask), rel=1e-5)


@pytest.mark.parametrize("measure", [*IN_SPACE, *IN_TIME])
def test_what_is_no_mask_of_the_map_is_refused(measure):
    mask = np.ones(12, bool) if measure in IN_TIME else np.ones((2, 3, 2), bool)
    with pytest.raises(VidexplainError, match="belong together"):
        measure(heat(*range(12)), mask)
    numbers = np.ones(2 if measure in IN_TIME else (2, 2, 3), np.uint8)
    with pytest.raises(VidexplainError, match=r"mask of bools .* uint8"):
        measure(heat(*range(12)), numbers)


def test_a_random_map_is_even_and_follows_from_the_name():
    frames = np.zeros((4, 50, 60, 3), np.uint8)
    drawn = random_map(frames, "v_Wave_g01_c01")
    assert drawn.shape == (4, 50, 60)
    assert drawn.dtype == np.float32
    assert (drawn == random_map(frames, "v_Wave_g01_c01")).all()
    assert (drawn != random_map(frames, "v_Wave_g01_c02")).mean() > 0.99
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    mask = np.zeros((4, 50, 60), bool)
    mask[:, :10] = True  # a fifth of the clip
    assert energy(drawn, mask) == pytest.approx(0.2, abs=0.01)


def test_the_centre_is_a_gaussian_of_a_quarter():
    found = centre_map(np.zeros((3, 8, 16, 3), np.uint8))
    assert found.shape == (3, 8, 16)
    assert (found == found[0]).all()
    assert found == pytest.approx(found[:, ::-1, ::-1])
    # Row 0 is 3.5 from the middle with a deviation of 2, column 0 7.5 with 4.
    assert found[0, 0, 0] == pytest.approx(np.exp(-0.5 * (3.5 / 2) ** 2 - 0.5 * (7.5 / 4) ** 2), rel=1e-5)
    assert found[0, 3, 7] == pytest.approx(np.exp(-0.5 * 0.25**2 - 0.5 * 0.125**2), rel=1e-5)


def test_motion_is_the_mean_difference_to_the_frame_before():
    frames = np.zeros((3, 2, 2, 3), np.uint8)
    frames[1, 0, 1] = (250, 0, 2)
    frames[2, 0, 1] = (10, 0, 2)
    expected = np.zeros((3, 2, 2))
    expected[:, 0, 1] = 84, 84, 80  # 252 / 3, again for the first frame, and 240 / 3
    assert motion_map(frames) == pytest.approx(expected)
    assert motion_map(frames[:1]).shape == (1, 2, 2)
    assert motion_map(frames[:1]).max() == 0


@pytest.mark.parametrize(
    ("place", "tolerance", "hit"),
    [
        ((0, 10, 10), 0, 1),
        ((0, 10, 14), 3, 0),
        ((0, 10, 14), 4, 1),
        ((0, 13, 14), 4.9, 0),  # five away, 3 down and 4 across
        ((0, 13, 14), 5, 1),
        ((1, 10, 10), 40, 0),  # no evidence in the frame of the maximum
    ],
)
def test_the_pointing_game_lets_a_maximum_miss_by_its_tolerance(place, tolerance, hit):
    values, mask = np.zeros((2, 40, 40), np.float32), np.zeros((2, 40, 40), bool)
    values[place], mask[0, 10, 10] = 1, True
    assert pointing_within(values, mask, tolerance) == hit


def test_the_usual_tolerance_is_15_pixels_and_equal_maxima_share():
    values, mask = np.zeros((1, 40, 40), np.float32), np.zeros((1, 40, 40), bool)
    mask[0, 0, 0] = True
    values[0, 0, 15] = values[0, 0, 16] = values[0, 9, 12] = values[0, 39, 39] = 2
    assert pointing_within(values, mask) == 2 / 4  # at 15, 16, 15 and 55 pixels
    assert pointing_within(-values, mask) == 0
    with pytest.raises(VidexplainError, match="belong together"):
        pointing_within(values, mask[0])


def test_with_tolerance_equals_a_literal_version():
    rng = np.random.default_rng(0)
    for tolerance in (0, 1, 2.5, 4):
        values = rng.integers(0, 6, (3, 9, 11)).astype(np.float32)
        mask = rng.random((3, 9, 11)) < 0.03
        assert pointing_within(values, mask, tolerance) == pytest.approx(
            literal.pointing_within(values, mask, tolerance)
        )
