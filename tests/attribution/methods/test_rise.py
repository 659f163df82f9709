"""RISE: literally from the same masks, and the masks."""

import numpy as np
import torch

from tests.attribution.networks import Small3D, seeded, video
from tests.device import placed
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.rise import random_mask


def test_rise_is_how_the_score_goes_with_what_a_voxel_shows():
    """Literally, from the same masks."""
    module, x = seeded(Small3D), video(1, 3, 6, 14, 14)
    found = attribute(module, x, method="rise", target=2, samples=30, seed=5)[0]
    generator = torch.Generator().manual_seed(5)
    masks = placed(torch.stack([random_mask((6, 14, 14), generator) for _ in range(30)]))
    with torch.no_grad():
        scores = torch.stack([module(x * mask)[0, 2] for mask in masks])
    expected = ((scores - scores.mean()).view(-1, 1, 1, 1) * masks).sum(0) / 15
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    again, other = (attribute(module, x, method="rise", target=2, samples=30, seed=seed)[0] for seed in (5, 6))
    assert torch.equal(found, again)
    assert not torch.allclose(found, other)


def test_masks_show_half_on_average_and_move():
    generator = torch.Generator().manual_seed(0)
    masks = torch.stack([random_mask((8, 28, 28), generator) for _ in range(400)])
    assert masks.shape == (400, 8, 28, 28)
    assert 0 <= masks.min() < 0.01
    assert 0.99 < masks.max() <= 1
    np.testing.assert_allclose(masks.mean(0), 0.5, atol=0.12)
    assert masks.std(0).min() > 0.2
    # Two cells in time for eight frames: the first and the last frame differ.
    assert (masks[:, 0] - masks[:, -1]).abs().mean() > 0.2
