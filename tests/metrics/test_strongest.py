"""The strongest part of a map, and the same shape elsewhere: by hand."""

import numpy as np

from videxplain.metrics.strongest import at_random_place, strongest_part


def test_the_strongest_tenth_by_hand():
    values = np.zeros((2, 5, 4), np.float32)
    values[1, 2:4, 1:3] = [[4, 3], [2, 1]]
    mask = strongest_part(values)
    assert np.argwhere(mask).tolist() == [[1, 2, 1], [1, 2, 2], [1, 3, 1], [1, 3, 2]]
    assert strongest_part(values, 0.05).sum() == 2


def test_ties_are_broken_by_place():
    assert np.argwhere(strongest_part(np.ones((1, 4, 5), np.float32))).tolist() == [[0, 0, 0], [0, 0, 1]]


def test_another_place_has_the_same_shape():
    mask = np.zeros((4, 6, 8), bool)
    mask[1, 2:4, 3:6] = True
    moved = at_random_place(mask, 3)
    assert moved.sum() == mask.sum()
    assert not (moved & mask).all()
    shifts = [np.roll(mask, (t, y, x), (0, 1, 2)) for t in range(4) for y in range(6) for x in range(8)]
    assert any(np.array_equal(moved, one) for one in shifts)
    assert np.array_equal(moved, at_random_place(mask, 3))
