"""Kernel SHAP: Shapley values of supervoxels, from a regression over versions of the clip."""

import math

import torch
from torch import Tensor

from videxplain.attribution.methods.coalitions import (
    COUNT,
    FEWEST,
    SAMPLES,
    SEED,
    SUPERVOXELS,
    Values,
    check_enough,
    explain_supervoxels,
    regression,
)
from videxplain.attribution.methods.hidden_parts import FILL
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.supervoxels import SupervoxelKind
from videxplain.fills import Fill


@register_method(
    "kernel-shap",
    family="perturbation",
    summary="how the score divides among supervoxels (Shapley values), with an interval; the parts add up",
    paper="Lundberg and Lee, NeurIPS 2017",
    cost="2 forward passes, and 1000 (samples)",
    candidates=5,
    options=(SUPERVOXELS, COUNT, SAMPLES, FILL, SEED),
)
def kernel_shap(
    p: Pass,
    supervoxels: SupervoxelKind = "tubes",
    count: int = 64,
    samples: int = 1000,
    fill: Fill = "mean",
    seed: int = 0,
) -> Attribution:
    """The Shapley value of each supervoxel: its mean effect when it is shown after others in random order.

    The values solve the weighted regression of Lundberg and Lee's theorem 2, and add up exactly to the difference
    between the score of the clip and its score when every supervoxel is hidden. Where ``samples`` allows all
    ``2^M - 2`` versions of M supervoxels, all are run and the values are exact. Otherwise versions are drawn in pairs,
    each with its opposite, with the probabilities of the regression's weights (Covert and Lee, AISTATS 2021).

    Returns:
        Signed maps ``(M, N, T, H, W)``: each voxel has the value of its supervoxel. The intervals say how far values
        would vary with other versions; they are zero where the values are exact.

    Raises:
        VidexplainError: Fewer than four versions for each supervoxel, and not all of them.
    """

    if not all_fit(count, samples):
        check_enough("kernel-shap", count, samples, FEWEST)

    def draw(parts: int) -> Tensor:
        if parts == 1:
            return torch.zeros((1, 1), dtype=torch.bool)
        if all_fit(parts, samples):
            half = _every_half(parts)
        else:
            check_enough("kernel-shap", parts, samples, 2)  # SLIC may give more parts than were asked for
            half = _random_halves(parts, samples // 2, seed)
        return torch.cat([torch.zeros((1, parts), dtype=torch.bool), half, ~half])

    def solve(shown: Tensor, falls: Tensor) -> Values:
        return shapley_values(shown, falls, exact=all_fit(shown.shape[1], samples))

    return explain_supervoxels(p, supervoxels, count, fill, draw, solve)


def all_fit(parts: int, samples: int) -> bool:
    """Whether so many samples are all versions in which some of the parts are shown and some hidden."""
    return 2**parts - 2 <= samples


def shapley_values(shown: Tensor, falls: Tensor, exact: bool) -> Values:
    """The regression of theorem 2 over versions in pairs, under the condition that the values add up.

    The scores v of a version z and of its opposite count only by their difference: the terms that both have do not
    depend on the values. So each pair is one equation, ``z @ values = (v(z) - v(1 - z) + v(1) - v(0)) / 2``.

    Args:
        shown: ``(1 + 2 n, M)`` bool: the version in which all is hidden, n others, and their n opposites.
        falls: How far the score falls in each, ``(1 + 2 n,)``.
        exact: Whether these are all versions, each once. They are then weighed by the Shapley kernel; versions that
            are drawn have its probabilities already.
    """
    whole, parts = falls[0], shown.shape[1]
    if parts == 1:
        return Values(whole[None], torch.zeros_like(whole)[None])
    first, second = falls[1:].chunk(2)
    z = shown[1:].chunk(2)[0]
    y = (second - first + whole) / 2
    weights = _kernel(z.sum(1), parts) if exact else torch.ones_like(y)
    # The last value is what the others leave.
    z = z.to(y.dtype)
    found, covariance = regression(z[:, :-1] - z[:, -1:], y - whole * z[:, -1], weights)
    back = torch.cat([torch.eye(parts - 1, dtype=y.dtype), -torch.ones((1, parts - 1), dtype=y.dtype)])
    estimate = torch.cat([found, (whole - found.sum())[None]])
    variance = ((back @ covariance) * back).sum(1).clamp_min(0)
    return Values(estimate, torch.zeros_like(estimate) if exact else variance.sqrt())


def _kernel(sizes: Tensor, parts: int) -> Tensor:
    """The Shapley kernel of versions in which so many of the parts are shown."""
    of_size = [0.0] + [(parts - 1) / (math.comb(parts, s) * s * (parts - s)) for s in range(1, parts)]
    return torch.tensor(of_size, dtype=torch.float64)[sizes]


def _every_half(parts: int) -> Tensor:
    """Every version in which the first part is shown and another is not; their opposites are all the others."""
    numbers = torch.arange(1, 2**parts - 2, 2)
    return (numbers[:, None] >> torch.arange(parts)) & 1 == 1


def _random_halves(parts: int, count: int, seed: int) -> Tensor:
    """``count`` versions, drawn with the probabilities of the Shapley kernel."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.arange(1, parts, dtype=torch.float64)
    drawn = torch.multinomial(1 / (sizes * (parts - sizes)), count, replacement=True, generator=generator) + 1
    order = torch.rand((count, parts), dtype=torch.float32, generator=generator).argsort(1).argsort(1)
    return order < drawn[:, None]
