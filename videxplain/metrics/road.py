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
    wanted = hidden.permute(1, 2, 0).to(x)
    known = x[0].permute(0, 2, 3, 1) * (1 - wanted)
    solution = _solution(known.contiguous(), wanted.contiguous())
    return torch.where(hidden, solution.permute(0, 3, 1, 2)[None], x)


def _solution(known: Tensor, wanted: Tensor) -> Tensor:
    """The hidden voxels, and zero elsewhere, ``(C, H, W, T)``; frames last, because that is fast on a processor.

    Args:
        known: The clip, zero where it is hidden, ``(C, H, W, T)``.
        wanted: 1 where it is hidden and 0 elsewhere, ``(H, W, T)``.
    """
    if bool(wanted.all()):
        return torch.zeros_like(known)
    weights = _neighbours(torch.ones_like(wanted)[None])

    def apply(values: Tensor) -> Tensor:
        return (weights * values).sub_(_neighbours(values)).mul_(wanted)

    target = _neighbours(known).mul_(wanted)
    solution = _guess(known, wanted) * wanted
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
    return solution


def _guess(known: Tensor, wanted: Tensor) -> Tensor:
    """A solution to begin with, ``(C, H, W, T)``: the mean, or the solution at half the size."""
    if max(wanted.shape) < _SMALL:
        return (known.sum((1, 2, 3), keepdim=True) / (1 - wanted).sum()).expand_as(known)
    halves = [2 if length > 1 else 1 for length in wanted.shape]
    shares = F.avg_pool3d((1 - wanted)[None], halves, ceil_mode=True)[0]
    means = F.avg_pool3d(known, halves, ceil_mode=True) / shares.clamp(min=torch.finfo(known.dtype).tiny)
    coarse = means + _solution(means, (shares == 0).to(known))
    height, width, frames = wanted.shape
    return F.interpolate(coarse[None], scale_factor=halves, mode="trilinear")[0, :, :height, :width, :frames]


def _neighbours(values: Tensor) -> Tensor:
    """The weighted sum over the neighbours of each voxel of ``(C, H, W, T)``; beyond the border there is nothing.

    It is a convolution over rows and columns with the frames as channels, which is several times as fast on a processor
    as one over all three directions. Convolutions of float32 are rounded to TF32 on a GPU, those of float64 are not.
    """
    exact = values.double() if values.is_cuda else values
    kernel = _kernel(values.shape[-1]).to(exact).contiguous(memory_format=torch.channels_last)
    return F.conv2d(exact.permute(0, 3, 1, 2), kernel, padding=1).permute(0, 2, 3, 1).to(values.dtype)


@lru_cache(maxsize=32)
def _kernel(frames: int) -> Tensor:
    """The weights of the 26 neighbours, ``(T, T, 3, 3)``: from each frame into itself and those beside it."""
    apart = torch.arange(frames)[:, None] - torch.arange(frames)
    beside = torch.tensor([1, 0, 1])
    steps = apart.abs()[:, :, None, None] + beside[:, None] + beside
    return torch.where((apart.abs() <= 1)[:, :, None, None] & (steps > 0), 1 / steps.clamp(min=1), 0.0)
