"""Eigen-CAM: the pattern that explains most of a layer's activations."""

import torch

from videxplain.attribution.methods.gradcam import POOLING, Pooling, pooled_dimensions
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


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
    mean. A principal direction has no sign; the one is taken along which the channels' sum grows. With
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
        directions = torch.where(directions.sum(-1, keepdim=True) < 0, -directions, directions)
        maps = (positions @ directions[..., None])[..., 0].reshape(len(p.x), *activations.shape[2:])
        return Attribution(run.logits.detach(), maps.relu()[None])
