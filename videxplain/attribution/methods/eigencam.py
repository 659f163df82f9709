"""Eigen-CAM: the pattern that explains most of a layer's activations."""

import torch
from torch import Tensor

from videxplain.attribution.methods.gradcam import POOLING, Pooling, pooled_dimensions
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method

_ROUNDING = 1e-4
"""Sums of a direction below this share of the sum of its absolute values are zero but for rounding."""


@register_method(
    "eigencam",
    family="cam",
    summary="the first principal component of a layer's channels; the same for every class",
    paper="Muhammad and Yeasin, IJCNN 2020",
    cost="1 forward pass",
    layer="last",
    candidates=0,
    options=(POOLING,),
)
def eigencam(p: Pass, pooling: Pooling = "clip") -> Attribution:
    """Eigen-CAM: the channels projected onto their first principal direction.

    Each channel's mean is subtracted first, as pytorch-grad-cam does. Otherwise the direction is little more than that
    mean. A principal direction has no sign; the one is taken along which the channels' sum grows. Where that sum is the
    same everywhere, as behind a layer norm without weights, the largest projection is positive. With
    ``pooling="clip"`` there is one direction for the clip, with ``"frame"`` one for each time step.

    Returns:
        Maps ``(1, N, T, h, w)``, never negative.
    """
    over = pooled_dimensions(pooling)
    with p.trace() as run:
        activations = run.activations(p.target_layer)
        centred = activations - activations.mean(over, keepdim=True)
        first = -3 if pooling == "clip" else -2
        positions = centred.movedim(1, -1).flatten(first - 1, -2)
        directions = torch.linalg.svd(positions, full_matrices=False).Vh[..., 0, :]
        projected = (positions @ directions[..., None])[..., 0]
        flipped = _against(directions, projected)
        maps = torch.where(flipped, -projected, projected).reshape(len(p.x), *activations.shape[2:])
        return Attribution(run.logits.detach(), maps.relu()[None])


def _against(directions: Tensor, projected: Tensor) -> Tensor:
    """Whether a direction ``(..., C)`` with projections ``(..., P)`` has the sign that is not wanted, ``(..., 1)``."""
    grows = directions.sum(-1, keepdim=True)
    known = grows.abs() > _ROUNDING * directions.abs().sum(-1, keepdim=True)
    largest = projected.gather(-1, projected.abs().argmax(-1, keepdim=True))
    return torch.where(known, grows, largest) < 0
