"""Class activation maps: channels of a layer, weighted by what they mean for a score."""

from typing import Literal

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, trace
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods import Attribution, Choose, method
from videxplain.errors import VidexplainError


@method(
    "gradcam",
    family="cam",
    summary="where the target layer holds evidence for the class",
    paper="Selvaraju et al., ICCV 2017",
    cost="1 forward pass",
    layer="last",
    candidates=5,
    options=("pooling",),
)
def gradcam(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
    pooling: Literal["clip", "frame"] = "clip",
) -> Attribution:
    """Grad-CAM: ReLU of the channels weighted by their mean gradient (Selvaraju et al., eqs. 1 and 2).

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Where to look.
        precision: See :func:`videxplain.attribution.engine.trace`.
        pooling: ``"clip"`` averages the gradient over time and space, one weight per channel; ``"frame"`` over space
            alone, one weight per channel and time step.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    if pooling not in ("clip", "frame"):
        raise VidexplainError(f"pooling is 'clip' or 'frame', not '{pooling}'")
    assert layer is not None
    over = (2, 3, 4) if pooling == "clip" else (3, 4)
    with trace(module, x, [layer], precision=precision) as run:
        scores = torch.stack([score(run.logits) for score in choose(run.logits.detach())])
        activations = run.activations(layer)
        maps = []
        for gradients in run.gradients(scores):
            weights = gradients[layer].mean(over, keepdim=True)
            maps.append((weights * activations).sum(1).relu())
        return Attribution(run.logits.detach(), torch.stack(maps))
