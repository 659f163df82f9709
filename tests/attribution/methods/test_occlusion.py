"""Hiding parts of a clip: against captum, against literal loops, and on a network whose answer is known."""

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from torch import nn

from tests.attribution.networks import BrightSquares, Small3D, seeded, video
from tests.explanation.test_windows import planted
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.rise import random_mask
from videxplain.attribution.targets import Contrast
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain
from videxplain.fills import blur


class Pixels(nn.Module):
    """The score is the sum of the pixels times known weights, so that what hiding does to it is known."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x):
        score = (x.sum(1) * self.weights).sum((1, 2, 3))
        return torch.stack([score, -score], 1)


@pytest.mark.parametrize(("box", "shape"), [((2, 4, 3), (6, 10, 9)), ((3, 5, 5), (7, 11, 8)), ((1, 8, 8), (3, 8, 8))])
def test_occlusion_equals_captum(box, shape):
    module, x = seeded(Small3D), video(2, 3, *shape)
    found = attribute(module, x, method="occlusion", target=[1, 3], box=box)
    strides = tuple(max(1, edge // 2) for edge in box)
    expected = Occlusion(module).attribute(
        x, sliding_window_shapes=(3, *box), strides=(3, *strides), target=torch.tensor([1, 3])
    )
    # Captum gives what is hidden together the same value in each channel.
    torch.testing.assert_close(found, expected[:, 0].float(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(expected[:, 0], expected[:, 2])


def test_what_is_frozen_is_what_was_there_before():
    weights, x = video(5, 6, 6, seed=1), video(1, 3, 5, 6, 6)
    found = attribute(Pixels(weights), x, method="occlusion", target=0, box=(2, 3, 3), fill="freeze")[0]
    total, count = torch.zeros(5, 6, 6), torch.zeros(5, 6, 6)
    for t in range(4):
        for y in range(0, 4):
            for left in range(0, 4):
                hidden = x.clone()
                before = x[:, :, t - 1] if t else x[:, :, 2]
                for s in (t, t + 1):
                    hidden[:, :, s, y : y + 3, left : left + 3] = before[..., y : y + 3, left : left + 3]
                fall = ((x - hidden).sum(1)[0] * weights).sum()
                total[t : t + 2, y : y + 3, left : left + 3] += fall
                count[t : t + 2, y : y + 3, left : left + 3] += 1
    torch.testing.assert_close(found, total / count, rtol=1e-4, atol=1e-4)


def test_a_frame_without_its_colours_loses_what_it_added():
    weights, x = video(6, 4, 5, seed=2), video(2, 3, 6, 4, 5)
    found = attribute(Pixels(weights), x, method="frame-occlusion", target=1, enlarge=False)
    assert found.shape == (2, 6, 1, 1)
    expected = -(x.sum(1) * weights).sum((2, 3))
    torch.testing.assert_close(found[:, :, 0, 0], expected, rtol=1e-4, atol=1e-4)


def test_a_frame_that_equals_the_one_before_adds_no_movement():
    weights = torch.ones(4, 2, 2)
    x = torch.ones(1, 3, 4, 2, 2) * torch.tensor([1.0, 1.0, 3.0, 3.0]).view(1, 1, 4, 1, 1)
    found = attribute(Pixels(weights), x, method="frame-occlusion", target=0, fill="freeze", enlarge=False)
    # The third frame alone differs from the one before it: 2 more in 3 channels and 4 pixels.
    assert found[0, :, 0, 0].tolist() == [0, 0, 24, 0]


def test_blurring_keeps_what_is_even_and_moves_nothing_in_time():
    x = torch.zeros(1, 3, 4, 16, 16)
    x[:, :, 1] = 2
    torch.testing.assert_close(blur(x), x)
    x[:, 0, 2, 8, 8] = 1
    spread = blur(x)[:, 0, 2]
    assert spread.sum() == pytest.approx(1, rel=1e-5)
    assert spread.max() < 0.1
    np.testing.assert_allclose(spread[0], spread[0].flip(0).roll(1, 0), atol=1e-6)


def test_rise_is_how_the_score_goes_with_what_a_voxel_shows():
    """Literally, from the same masks."""
    module, x = seeded(Small3D), video(1, 3, 6, 14, 14)
    found = attribute(module, x, method="rise", target=2, samples=30, seed=5)[0]
    generator = torch.Generator().manual_seed(5)
    masks = torch.stack([random_mask((6, 14, 14), generator) for _ in range(30)])
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


@pytest.mark.parametrize(
    ("method", "options"), [("occlusion", {"box": (1, 8, 8)}), ("frame-occlusion", {}), ("rise", {"samples": 300})]
)
def test_hiding_finds_the_planted_signal(method, options):
    found = explain(BrightSquares(8, 32, "consecutive"), planted(16, 6, 9), method, target=1, **options)
    inside = found.temporal[6:10].mean()
    outside = np.delete(found.temporal, range(6, 10))
    # Masks are open over several frames, so that RISE is blurred in time.
    assert inside > (2 if method == "rise" else 4) * np.abs(outside).mean()
    if method == "occlusion":
        heat = found.heatmap
        y, x = np.unravel_index(heat[7].argmax(), heat[7].shape)
        assert 11 - 8 <= y < 11 + 24
        assert 33 - 8 <= x < 33 + 24


def test_scores_share_their_passes():
    class Counting(Small3D):
        rows = 0

        def forward(self, x):
            Counting.rows += len(x)
            return super().forward(x)

    module = seeded(Counting)
    x = video(1, 3, 4, 8, 8)
    for targets in ([0], [0, 1, 2]):
        Counting.rows = 0
        attribute(module, x, method="frame-occlusion", targets=targets)
        assert Counting.rows == 1 + 4


def test_a_contrast_is_the_difference():
    module, x = seeded(Small3D), video(1, 3, 4, 8, 8)
    one, two, both = (attribute(module, x, method="occlusion", target=t, box=(2, 4, 4)) for t in (0, 1, Contrast(0, 1)))
    torch.testing.assert_close(both, one - two, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("occlusion", {"box": (2, 0, 4)}, r"a box has frames, rows and columns, at least 1 each, not \(2, 0, 4\)"),
        ("occlusion", {"box": (2, 4)}, "a box has frames, rows and columns"),
        ("occlusion", {"fill": "blurr"}, "unknown fill 'blurr'; did you mean blur?"),
        ("frame-occlusion", {"fill": "grey"}, "unknown fill 'grey'"),
        ("rise", {"samples": 1}, "samples is a number of masks, at least 2, not 1"),
    ],
)
def test_what_is_wrong_is_one_line(method, options, said):
    with pytest.raises(VidexplainError, match=said):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, target=0, **options)
