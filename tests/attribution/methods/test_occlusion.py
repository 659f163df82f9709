"""Hiding parts of a clip: against captum, against literal loops, and on a network whose answer is known."""

import numpy as np
import pytest
import torch
from captum.attr import Occlusion

from tests.attribution.networks import BrightSquares, Pixels, Small3D, seeded, video
from tests.device import placed
from tests.explanation.clips import planted
from videxplain.attribution.api import attribute
from videxplain.attribution.targets import Contrast
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain
from videxplain.fills import blur


@pytest.mark.parametrize(("box", "shape"), [((2, 4, 3), (6, 10, 9)), ((3, 5, 5), (7, 11, 8)), ((1, 8, 8), (3, 8, 8))])
def test_occlusion_equals_captum(box, shape):
    module, x = seeded(Small3D), video(2, 3, *shape)
    found = attribute(module, x, method="occlusion", target=[1, 3], box=box)
    strides = tuple(max(1, edge // 2) for edge in box)
    expected = Occlusion(module).attribute(
        x, sliding_window_shapes=(3, *box), strides=(3, *strides), target=placed(torch.tensor([1, 3]))
    )
    # Captum gives what is hidden together the same value in each channel.
    torch.testing.assert_close(found, expected[:, 0].float(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(expected[:, 0], expected[:, 2])


def test_what_is_frozen_is_what_was_there_before():
    weights, x = video(5, 6, 6, seed=1), video(1, 3, 5, 6, 6)
    found = attribute(Pixels(weights), x, method="occlusion", target=0, box=(2, 3, 3), fill="freeze")[0]
    total, count = placed(torch.zeros(5, 6, 6)), placed(torch.zeros(5, 6, 6))
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


def test_blurring_keeps_what_is_even_and_moves_nothing_in_time():
    x = torch.zeros(1, 3, 4, 16, 16)
    x[:, :, 1] = 2
    torch.testing.assert_close(blur(x), x)
    x[:, 0, 2, 8, 8] = 1
    spread = blur(x)[:, 0, 2]
    assert spread.sum() == pytest.approx(1, rel=1e-5)
    assert spread.max() < 0.1
    np.testing.assert_allclose(spread[0], spread[0].flip(0).roll(1, 0), atol=1e-6)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_clips_of_every_type_are_blurred(kind):
    x = video(1, 3, 2, 8, 6)
    found = blur(x.to(kind))
    assert found.dtype == kind
    torch.testing.assert_close(found.float(), blur(x), rtol=0.01, atol=0.01)


def test_blurring_is_the_mean_of_squares_taken_twice():
    x = video(1, 2, 2, 12, 9)
    expected = x.clone()
    for _ in range(2):
        before = expected.clone()
        for row in range(12):
            for column in range(9):
                square = before[..., max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
                expected[..., row, column] = square.mean((3, 4))
    torch.testing.assert_close(blur(x), expected, rtol=1e-5, atol=1e-6)


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


def test_a_contrast_is_the_difference():
    module, x = seeded(Small3D), video(1, 3, 4, 8, 8)
    one, two, both = (attribute(module, x, method="occlusion", target=t, box=(2, 4, 4)) for t in (0, 1, Contrast(0, 1)))
    torch.testing.assert_close(both, one - two, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        (
            "occlusion",
            {"box": (2, 0, 4)},
            r"occlusion: box is 3 whole numbers \(T,H,W\), each at least 1, not \(2, 0, 4\)",
        ),
        ("occlusion", {"box": (2, 4)}, r"box is 3 whole numbers \(T,H,W\)"),
        ("occlusion", {"fill": "blurr"}, "unknown fill 'blurr'; did you mean blur?"),
        ("frame-occlusion", {"fill": "grey"}, "unknown fill 'grey'"),
        ("rise", {"samples": 1}, "rise: samples is a whole number from 2 to 1000000, not 1"),
    ],
)
def test_what_is_wrong_is_one_line(method, options, said):
    with pytest.raises(VidexplainError, match=said):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, target=0, **options)
