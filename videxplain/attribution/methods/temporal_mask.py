"""The shortest stretch of a clip that keeps the score."""

from typing import Literal, TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.methods.mask_search import STEPS, Reward, optimise
from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.errors import VidexplainError

Elsewhere: TypeAlias = Literal["freeze", "reverse"]
_TURNED = 0.1
"""Frames that are hidden by more than this run backwards (the paper's threshold)."""
_LENGTH, _SMOOTHNESS = 0.5, 0.2
"""Weights of the share of frames that are kept, and of the steps between neighbouring frames."""
_RATE = 0.1


@register_method(
    "temporal-mask",
    family="perturbation",
    summary="the shortest stretch of frames that keeps the score while all other frames are frozen",
    paper="Mänttäri et al., ACCV 2020",
    cost="2 forward passes, and 100 (steps) forward and backward passes",
    candidates=1,
    gradients=True,
    options=(
        STEPS,
        Option(
            "fill",
            str,
            "freeze",
            "What happens to the other frames: freeze them, or reverse them, so that only their order is lost.",
            choices=("freeze", "reverse"),
        ),
    ),
)
def temporal_mask(p: Pass, steps: int = 100, fill: Elsewhere = "freeze") -> Attribution:
    """One value a frame, found by gradient ascent: 1 where the frame is seen, 0 where the frame before it stays.

    The clip under a mask m is that of :func:`frozen` or :func:`turned`, the two perturbations of the paper, whose mask
    is 1 - m. The score is scaled so that it is 0 where no frame is seen and 1 where all are; more than 1 counts as 1.
    The mask maximises the score less 0.5 times the share of frames that are seen, and less 0.2 times the mean of the
    squared steps between neighbours: it is short, and in one piece. In the paper the mask takes the score away, and
    steps count by their third powers; this is its counterpart that keeps the score. It starts from nearly all frames.

    Returns:
        Maps ``(M, N, T, 1, 1)`` in [0, 1]; all zero where a clip that stands still, or runs backwards, already has the
        score.
    """
    if p.x.shape[2] == 1:
        raise VidexplainError("temporal-mask looks for frames among several, and there is one")

    def nothing(sample: Tensor) -> Tensor:
        return sample.flip(2) if fill == "reverse" else sample[:, :, :1].expand_as(sample)

    def search(reward: Reward, sample: Tensor) -> Tensor:
        perturbed = turned if fill == "reverse" else frozen
        seen = sample.new_full((sample.shape[2] - 1,), 0.9, dtype=torch.float32).requires_grad_()
        ascent = torch.optim.Adam([seen], lr=_RATE)
        for _ in range(steps):
            gain = reward(perturbed(sample, with_first(seen)))
            length, jumps = seen.mean(), seen.diff().square().sum()
            loss = _LENGTH * length + _SMOOTHNESS * jumps / max(1, len(seen)) - gain.clamp(max=1)
            (seen.grad,) = torch.autograd.grad(loss, seen)
            ascent.step()
            with torch.no_grad():
                seen.clamp_(0, 1)
        return with_first(seen.detach())[:, None, None]

    return optimise(p, nothing, search)


def with_first(seen: Tensor) -> Tensor:
    """``(T - 1,)`` to ``(T,)``: the first frame, which a clip that stands still shows anyway, goes with the next."""
    return torch.cat([seen[:1], seen])


def turned(clip: Tensor, seen: Tensor) -> Tensor:
    """A clip ``(1, C, T, H, W)`` in which every stretch that is not seen runs backwards.

    ``x'_t = m_t x_t + (1 - m_t) x_(a + b - t)`` in a stretch from frame a to frame b of which each has a value m below
    0.9; elsewhere ``x'_t = x_t``. The first frame is treated like all others.
    """
    backwards = torch.arange(len(seen))
    hidden = [t for t, value in enumerate(seen.tolist()) if value < 1 - _TURNED]
    while hidden:
        run = [t for i, t in enumerate(hidden) if t == hidden[0] + i]
        backwards[run] = backwards[run].flip(0)
        hidden = hidden[len(run) :]
    m = seen[:, None, None]
    return m * clip + (1 - m) * clip[:, :, backwards.to(clip.device)]


def frozen(clip: Tensor, seen: Tensor) -> Tensor:
    """A clip ``(1, C, T, H, W)`` that stands still as far as ``seen``, ``(T,)`` in [0, 1], is below 1.

    ``x'_t = m_t x_t + (1 - m_t) x'_(t-1)``, beginning with ``x'_0 = x_0``.
    """
    frames = [clip[:, :, 0]]
    for t in range(1, clip.shape[2]):
        frames.append(seen[t] * clip[:, :, t] + (1 - seen[t]) * frames[-1])
    return torch.stack(frames, dim=2)
