import numpy as np
import pytest
import torch

from videxplain.evaluation.reliance import backwards, frozen, order_pairs, pair_accuracy, shuffled

CLIPS = torch.arange(2 * 3 * 6).reshape(2, 3, 6, 1, 1).float()


def test_shuffling_moves_whole_frames_and_follows_from_seed_and_number():
    once = shuffled(CLIPS, [4, 5])
    assert torch.equal(once, shuffled(CLIPS, [4, 5]))
    orders = [(once[i, 0, :, 0, 0] - CLIPS[i, 0, 0, 0, 0]).long().tolist() for i in range(2)]
    assert [sorted(order) for order in orders] == [list(range(6))] * 2
    assert orders[0] != orders[1]
    assert list(range(6)) not in orders
    for i, order in enumerate(orders):
        assert torch.equal(once[i], CLIPS[i][:, order])
    assert torch.equal(shuffled(CLIPS[1:], [5])[0], once[1])  # whatever batch the clip is in
    assert not torch.equal(shuffled(CLIPS, [4, 5], seed=1), once)


def test_reversed_and_frozen():
    assert backwards(CLIPS, [0, 1])[0, 0, :, 0, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert frozen(CLIPS, [0, 1])[1, 0, :, 0, 0].tolist() == [21] * 6


def test_a_pair_is_judged_between_its_two_classes_alone():
    probabilities = np.array([[0.2, 0.1, 0.7], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0.0, 0.1, 0.9]], np.float32)
    # Of class 0: right, wrong, a tie; of class 1: right.
    assert pair_accuracy(probabilities, np.array([0, 0, 0, 1]), 0, 1) == pytest.approx(2.5 / 4)
    assert pair_accuracy(probabilities, np.array([2, 2, 2, 2]), 0, 1) is None


def test_only_pairs_that_are_there_are_judged():
    labels = ("StandUp", "PickUp", "SitDown")
    probabilities = np.array([[0.6, 0.2, 0.2], [0.6, 0.2, 0.2]], np.float32)
    assert order_pairs(probabilities, np.array([0, 2]), labels) == {"SitDown/StandUp": 0.5}
    assert order_pairs(probabilities, np.array([1, 1]), labels) == {}
