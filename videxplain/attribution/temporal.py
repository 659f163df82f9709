"""The shortest stretch of a clip that keeps the score."""

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods import Attribution, Choose, method
from videxplain.attribution.optimised import Reward, optimise
from videxplain.errors import VidexplainError

_LENGTH, _SMOOTHNESS = 0.5, 0.2
"""Weights of the share of frames that are kept, and of the steps between neighbouring frames."""
_RATE = 0.1


@method(
    "temporal-mask",
    family="perturbation",
    summary="the shortest stretch of frames that keeps the score when the clip stands still elsewhere",
    paper="Mänttäri et al., ECCV 2020",
    cost="2 forward passes, and 100 (steps) forward and backward passes",
    candidates=1,
    options=("steps",),
)
def temporal_mask(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    steps: int = 100,
) -> Attribution:
    """One value a frame, found by gradient ascent: 1 where the frame is seen, 0 where the picture before it stands.

    The clip under a mask m is ``x'_t = m_t x_t + (1 - m_t) x'_(t-1)``, beginning with ``x'_0 = x_0`` (the freeze of
    Mänttäri et al., section 3.1, whose mask is 1 - m). The mask maximises the score less a weight times the share of
    frames that are seen and a weight times the sum of the squared steps between neighbours: short, and in one piece.
    In the paper the mask is the one that takes the score away; this is its counterpart that keeps it. It starts from
    all frames.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the input is explained.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        steps: Of gradient ascent.

    Returns:
        Maps ``(M, N, T, 1, 1)`` in [0, 1]; all zero where a clip that stands still has the score already.
    """
    if steps < 1:
        raise VidexplainError(f"steps is a number, at least 1, not {steps}")

    if x.shape[2] == 1:
        raise VidexplainError("temporal-mask looks for frames among several, and there is one")

    def search(reward: Reward, sample: Tensor) -> Tensor:
        # The first frame is seen in any case, whatever its value.
        seen = torch.full((sample.shape[2] - 1,), 0.9, device=sample.device, requires_grad=True)
        ascent = torch.optim.Adam([seen], lr=_RATE)
        for _ in range(steps):
            gain = reward(frozen(sample, torch.cat([seen.new_ones(1), seen])))
            length, jumps = seen.mean(), seen.diff().square().sum()
            loss = _LENGTH * length + _SMOOTHNESS * jumps / max(1, len(seen)) - gain.clamp(max=1)
            (seen.grad,) = torch.autograd.grad(loss, seen)
            ascent.step()
            with torch.no_grad():
                seen.clamp_(0, 1)
        # Movement needs two frames: the one before the first that is seen belongs to the stretch.
        found = seen.detach()
        return torch.cat([found[:1], found])[:, None, None]

    return optimise(module, x, choose, precision, lambda sample: sample[:, :, :1].expand_as(sample), search)


def frozen(clip: Tensor, seen: Tensor) -> Tensor:
    """A clip ``(1, C, T, H, W)`` that stands still as far as ``seen``, ``(T,)`` in [0, 1], is below 1."""
    frames = [clip[:, :, 0]]
    for t in range(1, clip.shape[2]):
        frames.append(seen[t] * clip[:, :, t] + (1 - seen[t]) * frames[-1])
    return torch.stack(frames, dim=2)
