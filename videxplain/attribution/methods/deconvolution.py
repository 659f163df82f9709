"""The deconvolutional network: gradients that pass ReLUs where they are positive."""

from typing import Any

import torch
from torch import Tensor

from videxplain.attribution.methods.input_gradients import COST, input_gradients
from videxplain.attribution.methods.relu_rules import ReplacedReLU
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "deconvolution",
    family="gradient",
    summary="gradients of the pixels, in which every ReLU passes positive gradients only",
    paper="Zeiler and Fergus, ECCV 2014",
    cost=COST,
    candidates=1,
    caution="deconvolution draws edges of the clip for any class: compare it with saliency",
)
def deconvolution(p: Pass) -> Attribution:
    """The deconvolutional network: at every ReLU only positive gradients pass, whatever its input was.

    ``R^l = 1[R^(l+1) > 0] R^(l+1)`` (section 2.1; Springenberg et al., section 3.4). A network that never calls a ReLU
    is refused.

    Returns:
        Signed gradients ``(M, N, C, T, H, W)``.
    """
    return input_gradients(p, ReplacedReLU(_Deconvolved, "deconvolution"))


class _Deconvolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, top: float) -> Tensor:
        ctx.set_materialize_grads(False)
        return value.clamp(0, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        return None if gradients[0] is None else gradients[0].clamp(min=0), None
