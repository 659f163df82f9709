"""Masks found by gradient ascent: where the best one is known, they are it."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.attribution.networks import video
from tests.oracles import extremal as oracle
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.extremal_perturbation import area_error, smooth_maximum
from videxplain.attribution.methods.temporal_mask import frozen, turned
from videxplain.errors import VidexplainError


class BoxSum(nn.Module):
    """The first logit is the mean of a box in space and time, the second is nothing."""

    def __init__(self, frames: slice, rows: slice, columns: slice) -> None:
        super().__init__()
        self.box = (frames, rows, columns)

    def forward(self, x: Tensor) -> Tensor:
        inside = x[:, :, self.box[0], self.box[1], self.box[2]].mean((1, 2, 3, 4))
        return torch.stack([inside, torch.zeros_like(inside)], 1)


class Sequence(nn.Module):
    """Each frame has a pixel of its own; the first logit counts those that are lit in frames ``first`` to ``last``."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self.frames = range(first, last + 1)

    def forward(self, x: Tensor) -> Tensor:
        lit = torch.stack([x[:, :, t, t].mean((1, 2)) for t in self.frames]).mean(0)
        return torch.stack([lit, torch.zeros_like(lit)], 1)


def test_the_best_mask_lies_on_the_box_that_the_score_is_made_of():
    module = BoxSum(slice(4, 10), slice(16, 56), slice(8, 56))
    x = torch.ones(1, 3, 16, 80, 80)
    share = 6 * 40 * 48 / (16 * 80 * 80)
    maps = attribute(module, x, method="extremal-perturbation", target=0, areas=(share,), fill="mean")[0]
    inside = torch.zeros(16, 80, 80, dtype=torch.bool)
    inside[4:10, 16:56, 8:56] = True
    assert maps[inside].mean() > 0.65
    assert maps[~inside].mean() < 0.06
    assert float(maps.mean()) == pytest.approx(share, abs=0.02)
    # In time alone as well: nothing of it three frames before and after.
    assert maps[[0, 1, 12, 13]].max() < 0.1


def test_a_larger_area_shows_more():
    module, x = BoxSum(slice(0, 8), slice(0, 48), slice(0, 48)), torch.ones(1, 3, 8, 48, 48)
    small, large = (
        attribute(module, x, method="extremal-perturbation", target=0, areas=(area,), fill="mean").mean()
        for area in (0.1, 0.5)
    )
    assert float(small) == pytest.approx(0.1, abs=0.07)
    assert float(large) == pytest.approx(0.5, abs=0.07)


def test_area_error_by_hand():
    mask = torch.tensor([0.0, 1, 0.5, 1]).view(1, 2, 2)
    assert float(area_error(mask, 0.5)) == pytest.approx(0.25 / 4)
    assert float(area_error(mask, 0.25)) == pytest.approx((0.25 + 1) / 4)


@pytest.mark.parametrize("area", [0.01, 0.2, 0.9])
def test_area_error_written_out(area):
    mask = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(1))
    assert float(area_error(mask, area)) == pytest.approx(oracle.area_error(mask.numpy(), area), rel=1e-5)


def test_equal_values_are_moved_alike():
    """A sort would choose which of them rise, and each machine's would choose others."""
    mask = torch.full((2, 1, 5), 0.5, requires_grad=True)
    error = area_error(mask, 0.2)
    assert error.item() == pytest.approx(0.25)
    (gradient,) = torch.autograd.grad(error, mask)
    torch.testing.assert_close(gradient, torch.full_like(gradient, 2 * (0.5 - 0.2) / 10))
    some = torch.tensor([0.9, 0.3, 0.9, 0.3, 0.9], requires_grad=True)
    (gradient,) = torch.autograd.grad(area_error(some, 0.4), some)
    high, low = 2 * (0.9 - 2 / 3) / 5, 2 * 0.3 / 5
    torch.testing.assert_close(gradient, torch.tensor([high, low, high, low, high]))


@pytest.mark.parametrize("sigma", [(1.0, 1.0, 1.0), (0.5, 1.0, 1.5)])
def test_smooth_maximum_written_out(sigma):
    cells = torch.rand(4, 3, 6, generator=torch.Generator().manual_seed(1))
    expected = torch.from_numpy(oracle.smooth_maximum(cells.numpy(), sigma, temperature=20.0))
    torch.testing.assert_close(smooth_maximum(cells, sigma).double(), expected, rtol=1e-5, atol=1e-6)


def test_smooth_maximum_is_near_the_maximum_of_the_bumps():
    cells = torch.rand(5, 4, 6, generator=torch.Generator().manual_seed(0))
    found = smooth_maximum(cells)
    literal = torch.zeros_like(cells)
    for t in range(5):
        for y in range(4):
            for x in range(6):
                literal[t, y, x] = max(
                    math.exp(-0.5 * ((t - a) ** 2 + (y - b) ** 2 + (x - c) ** 2)) * float(cells[a, b, c])
                    for a in range(5)
                    for b in range(4)
                    for c in range(6)
                    if max(abs(t - a), abs(y - b), abs(x - c)) <= 2
                )
    assert (found <= literal + 1e-6).all()  # a softened maximum is a mean of what it chooses from
    assert (found - literal).abs().max() < 0.12


@pytest.mark.parametrize("fill", ["freeze", "reverse"])
@pytest.mark.parametrize(("first", "last"), [(5, 7), (2, 9), (10, 11)])
def test_the_temporal_mask_is_the_stretch_in_which_something_counts(first, last, fill):
    x = torch.eye(12)[None, None, :, :, None].expand(1, 3, 12, 12, 4)
    maps = attribute(Sequence(first, last), x, method="temporal-mask", target=0, fill=fill)[0, :, 0, 0]
    counts = torch.zeros(12, dtype=torch.bool)
    counts[first : last + 1] = True
    # What is hidden by less than a tenth does not run backwards, and values play about that.
    assert maps[counts].min() > (0.8 if fill == "freeze" else 0.7)
    assert maps[~counts].max() < 0.5
    assert maps[~counts].mean() < 0.1


def test_frozen_by_hand():
    clip = torch.tensor([1.0, 3, 5]).view(1, 1, 3, 1, 1)
    found = frozen(clip, torch.tensor([0.0, 0, 0.5]))
    assert found.flatten().tolist() == [1, 1, 3]
    assert torch.equal(frozen(clip, torch.ones(3)), clip)


def test_turned_by_hand():
    clip = torch.tensor([1.0, 2, 3, 4, 5, 6]).view(1, 1, 6, 1, 1)
    assert torch.equal(turned(clip, torch.ones(6)), clip)
    assert torch.equal(turned(clip, torch.zeros(6)), clip.flip(2))
    # Frames 0 to 2 and 4 to 5 are stretches of their own; the second is half hidden.
    found = turned(clip, torch.tensor([0.0, 0, 0, 1, 0.5, 0.5]))
    assert found.flatten().tolist() == [3, 2, 1, 4, 5.5, 5.5]


def test_a_network_that_does_not_know_the_order_needs_no_frame_in_order():
    module, x = BoxSum(slice(None), slice(None), slice(None)), torch.ones(1, 3, 6, 8, 8)
    x[:, :, 0] = 0  # standing still, that is all there is to be seen
    assert attribute(module, x, method="temporal-mask", target=0, fill="reverse").abs().max() == 0
    assert attribute(module, x, method="temporal-mask", target=0, fill="freeze").max() > 0.5


def test_a_score_that_does_not_depend_on_what_is_seen_has_no_mask():
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.pad(x.mean((1, 2, 3, 4))[:, None] * 0 + 1, (0, 1))

    for method in ("extremal-perturbation", "temporal-mask"):
        maps = attribute(Constant(), video(1, 3, 4, 8, 8), method=method, target=0, steps=2)
        assert maps.abs().max() == 0


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("extremal-perturbation", {"steps": 0}, "steps is a whole number from 1 to 1000000, not 0"),
        ("extremal-perturbation", {"areas": (0.5, 1)}, r"areas is numbers from 0.001 to 0.999, not \(0.5, 1\)"),
        ("extremal-perturbation", {"fill": "freeze"}, "unknown fill 'freeze'; known: blur, mean"),
        ("extremal-perturbation", {"fill": "men"}, "unknown fill 'men'"),
        ("temporal-mask", {"steps": 0}, "steps is a whole number from 1 to 1000000, not 0"),
        ("temporal-mask", {"fill": "blur"}, "temporal-mask: unknown fill 'blur'; known: freeze, reverse"),
    ],
)
def test_wrong_options_are_said(method, options, message):
    with pytest.raises(VidexplainError, match=message):
        attribute(BoxSum(slice(None), slice(None), slice(None)), video(1, 3, 4, 8, 8), method=method, **options)


def test_a_single_frame_has_no_stretch():
    with pytest.raises(VidexplainError, match="looks for frames among several"):
        attribute(BoxSum(slice(None), slice(None), slice(None)), video(1, 3, 1, 8, 8), method="temporal-mask")
