"""Activation maps that ask for no class: what stands out in a layer."""

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, trace
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods.gradcam import Pooling, pooled_dimensions
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.errors import VidexplainError

_FEM_POSITIONS = 6
"""Of fewer values none can be more than two deviations above the mean."""


@method(
    "eigencam",
    family="cam",
    summary="the pattern that explains most of what a layer's channels do, whatever the class",
    paper="Muhammad and Yeasin, IJCNN 2020",
    cost="1 forward pass",
    layer="last",
    options=("pooling",),
)
def eigencam(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
    pooling: Pooling = "clip",
) -> Attribution:
    """Eigen-CAM: the channels projected onto their first principal direction.

    Each channel's mean is taken off first, as pytorch-grad-cam does, for otherwise the direction is little more than
    that mean. A principal direction has no sign; the one is taken along which the channels' sum grows.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Not asked: no score enters.
        layer: Where to look.
        precision: See :func:`videxplain.attribution.engine.trace`.
        pooling: ``"clip"`` finds one direction for the clip, ``"frame"`` one for each time step.

    Returns:
        Maps ``(1, N, T, h, w)``, never negative.
    """
    over = pooled_dimensions(pooling)
    assert layer is not None
    with trace(module, x, [layer], precision=precision) as run:
        activations = run.activations(layer)
        centred = activations - activations.mean(over, keepdim=True)
        first = -3 if pooling == "clip" else -2
        positions = centred.movedim(1, -1).flatten(first - 1, -2)
        directions = torch.linalg.svd(positions, full_matrices=False).Vh[..., 0, :]
        directions = torch.where(directions.sum(-1, keepdim=True) < 0, -directions, directions)
        maps = (positions @ directions[..., None])[..., 0].reshape(len(x), *activations.shape[2:])
        return Attribution(run.logits.detach(), maps.relu()[None])


@method(
    "fem",
    family="cam",
    summary="where a layer's strong channels are far above their mean, whatever the class",
    paper="Fuad et al., IPTA 2020",
    cost="1 forward pass",
    layer="last",
    options=("pooling",),
)
def fem(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
    pooling: Pooling = "clip",
) -> Attribution:
    """Feature-based Explanation Method: where each channel is rare, summed with the channels' means as weights.

    A position counts where a channel is more than two standard deviations above its mean (the authors' K = 2).

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Not asked: no score enters.
        layer: Where to look.
        precision: See :func:`videxplain.attribution.engine.trace`.
        pooling: ``"clip"`` takes mean and deviation over time and space, ``"frame"`` over space alone.

    Returns:
        Maps ``(1, N, T, h, w)``, never negative.
    """
    over = pooled_dimensions(pooling)
    assert layer is not None
    with trace(module, x, [layer], precision=precision) as run:
        activations = run.activations(layer)
        pooled = activations.shape[3:].numel() if pooling == "frame" else activations.shape[2:].numel()
        if pooled < _FEM_POSITIONS:
            raise VidexplainError(
                f"fem needs {_FEM_POSITIONS} positions to find a rare one, and layer '{layer}' has {pooled}; "
                "name an earlier layer"
            )
        mean = activations.mean(over, keepdim=True)
        deviation = activations.std(over, correction=0, keepdim=True)
        rare = activations > mean + 2 * deviation
        return Attribution(run.logits.detach(), (mean * rare).sum(1).relu()[None])
