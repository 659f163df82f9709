"""Guided Grad-CAM: the pixels of guided backpropagation where Grad-CAM finds evidence."""

import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods.gradcam import Pooling, gradcam, weighted_map
from videxplain.attribution.methods.saliency import guided_backprop
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.attribution.targets import Score


@method(
    "guided-gradcam",
    family="gradient",
    summary="the pixels of guided backprop, where Grad-CAM finds evidence for the class",
    paper="Selvaraju et al., ICCV 2017",
    cost="2 forward passes and 1 backward pass",
    layer="last",
    candidates=1,
    options=("pooling",),
    caution="guided-gradcam: the place depends on the class, the edges in it hardly do: compare it with gradcam",
)
def guided_gradcam(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
    pooling: Pooling = "clip",
) -> Attribution:
    """Guided backpropagation times Grad-CAM enlarged to the size of the input (section 3.2).

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``; one that never calls a ReLU is refused.
        x: The batch.
        choose: Which scores to explain.
        layer: Where Grad-CAM looks.
        precision: See :func:`videxplain.attribution.methods.gradcam.weighted_map`.
        pooling: As there.

    Returns:
        Signed values ``(M, N, C, T, H, W)``.
    """
    scores: list[Score] = []

    def choose_once(logits: Tensor) -> list[Score]:
        # Whoever chooses adds up the logits of the windows, so it must see those of each window once.
        scores.extend(choose(logits))
        return scores

    coarse = weighted_map(gradcam, module, x, choose_once, layer, precision, pooling)
    fine = guided_backprop(module, x, lambda _: scores, None, precision)
    where = F.interpolate(coarse.maps, size=tuple(x.shape[2:]), mode="trilinear", align_corners=False)
    return Attribution(coarse.logits, fine.maps * where[:, :, None])
