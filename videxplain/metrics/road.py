"""ROAD in space and time: remove and debias (Rong et al., ICML 2022)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.errors import VidexplainError
from videxplain.metrics.faithfulness import Curve, Score, check_pair, in_batches, ranks

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
NOISE = 0.1
"""Standard deviation of the noise on what is filled in, as a share of the clip's own (the paper's 0.1 to 0.2)."""
_ROUNDS, _TOLERANCE = 400, 1e-3
_SMALL = 8
"""Clips that are smaller in all directions are solved without the help of a smaller one."""


def road(
    score: Score,
    x: Tensor,
    heat: Tensor,
    *,
    shares: Sequence[float] = SHARES,
    order: Literal["most", "least"] = "most",
    seed: int = 0,
) -> Curve:
    """The score while voxels are replaced by what their neighbours foretell, with a little noise.

    Hidden voxels solve a linear system in which each is the weighted mean of its 26 neighbours in space and time
    (weight 1 where they share a face, 1/2 an edge, 1/3 a corner; in the paper, on images, 1/6 and 1/12). So the shape
    of the hole itself tells the network little, which black boxes would.

    Args:
        score: Versions ``(B, C, T, H, W)`` to ``(B,)``.
        x: One clip ``(1, C, T, H, W)``, normalised.
        heat: ``(T, H, W)``.
        shares: How many of the voxels are replaced at each step.
        order: The most important voxels first, or the least important.
        seed: Of the noise.

    Returns:
        One score for each share; none for 0 and 1.
    """
    check_pair(x, heat)
    if not shares or list(shares) != sorted(set(shares)) or not 0 < shares[0] <= shares[-1] < 1:
        raise VidexplainError(f"shares of voxels rise between 0 and 1, not {tuple(shares)}")
    places = ranks(heat if order == "most" else -heat, "voxel")
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)).to(x) * (NOISE * float(x.std()))
    counts = [round(share * heat.numel()) for share in shares]
    hidden = [places < count for count in counts]
    versions = (torch.where(gone, impute(x, gone) + noise, x) for gone in hidden)
    scores = in_batches(score, versions, x)
    return Curve(torch.tensor([count / heat.numel() for count in counts], dtype=torch.float64), scores)


def impute(x: Tensor, hidden: Tensor) -> Tensor:
    """A clip ``(1, C, T, H, W)`` whose ``hidden`` voxels ``(T, H, W)`` are the weighted means of their neighbours.

    The system is symmetric and positive definite, so conjugate gradients solve it: at most 400 rounds, until the
    residual is 1e-3 of the right side or of what it was. They begin with the solution for the clip at half its size, as
    in cascadic multigrid (Bornemann and Deuflhard, Numerische Mathematik 75, 1996). A voxel at the border has fewer
    neighbours. A clip that is hidden whole becomes the mean colour, zero.
    """
    known = torch.where(hidden, x.new_zeros(()), x)
    if bool(hidden.all()):
        return known
    weights, wanted = _total(tuple(hidden.shape)).to(x), hidden.to(x)

    def apply(values: Tensor) -> Tensor:
        return (weights * values).sub_(_neighbours(values)).mul_(wanted)

    target = torch.where(hidden, _neighbours(known), known.new_zeros(()))
    solution = torch.where(hidden, _guess(known, hidden), known.new_zeros(()))
    residual = target - apply(solution)
    direction, size = residual.clone(), residual.square().sum()
    # Around a hole there may be zeros alone: then only where the rounds began says what is small.
    first = torch.maximum(target.square().sum(), size)
    for _ in range(_ROUNDS):
        if size <= _TOLERANCE**2 * first:
            break
        turned = apply(direction)
        step = size / torch.dot(direction.flatten(), turned.flatten())
        solution.addcmul_(step, direction)
        residual.addcmul_(step, turned, value=-1)
        size, before = residual.square().sum(), size
        direction.mul_(size / before).add_(residual)
    return torch.where(hidden, solution, x)


def _guess(known: Tensor, hidden: Tensor) -> Tensor:
    """A solution for :func:`impute` to begin with, ``(1, C, T, H, W)``: the mean, or the solution at half the size.

    Args:
        known: The clip, zero where it is hidden.
        hidden: ``(T, H, W)``.
    """
    if max(hidden.shape) < _SMALL:
        return (known.sum((2, 3, 4), keepdim=True) / (~hidden).sum()).expand_as(known)
    halves = [2 if length > 1 else 1 for length in hidden.shape]
    shares = F.avg_pool3d((~hidden).to(known)[None, None], halves, ceil_mode=True)
    sums = F.avg_pool3d(known, halves, ceil_mode=True)
    coarse = impute(sums / shares.clamp(min=torch.finfo(known.dtype).tiny), shares[0, 0] == 0)
    frames, height, width = hidden.shape
    return F.interpolate(coarse, scale_factor=halves, mode="trilinear")[..., :frames, :height, :width]


def _neighbours(values: Tensor) -> Tensor:
    """The weighted sum over the neighbours of each voxel of ``(1, C, T, H, W)``; beyond the border there is nothing.

    The sums of a frame serve the frame itself and those before and after it.
    """
    row = _on_both_sides(values, 4)
    four, corners = row + _on_both_sides(values, 3), _on_both_sides(row, 3)
    same_frame = four.add(corners, alpha=1 / 2)
    near_frame = values.add(four, alpha=1 / 2).add_(corners, alpha=1 / 3)
    return same_frame.add_(_on_both_sides(near_frame, 2))


def _on_both_sides(values: Tensor, dimension: int) -> Tensor:
    """The sum of the two voxels beside each voxel along a dimension."""
    inner = values.shape[dimension] - 1
    total = torch.zeros_like(values)
    total.narrow(dimension, 1, inner).add_(values.narrow(dimension, 0, inner))
    total.narrow(dimension, 0, inner).add_(values.narrow(dimension, 1, inner))
    return total


@lru_cache(maxsize=8)
def _total(shape: tuple[int, ...]) -> Tensor:
    """What the weights of each voxel's neighbours add up to, ``(T, H, W)``."""
    return _neighbours(torch.ones(1, 1, *shape))[0, 0]
