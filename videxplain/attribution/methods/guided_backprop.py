"""Guided backpropagation: gradients that pass ReLUs only where evidence is positive."""

from typing import Any

import torch
from torch import Tensor

from videxplain.attribution.methods.input_gradients import COST, input_gradients
from videxplain.attribution.methods.relu_rules import ReplacedReLU
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "guided-backprop",
    family="gradient",
    summary="gradients of the pixels, in which active ReLUs pass positive gradients only",
    paper="Springenberg et al., ICLR workshop 2015",
    cost=COST,
    candidates=1,
    caution="guided-backprop looks nearly the same for any class, and with a random last layer: "
    "compare it with saliency",
)
def guided_backprop(p: Pass) -> Attribution:
    """Guided backpropagation: at every ReLU only positive gradients pass, and only where its input was positive.

    ``R^l = 1[f^l > 0] 1[R^(l+1) > 0] R^(l+1)`` (Springenberg et al., section 3.4). Every ReLU counts: as a module, as
    a function, in place or used several times, because the calls are replaced and not the modules. So does every other
    way to write one, such as ``clamp(min=0)`` or ``ReLU6``, which passes nothing where it is 6. Other nonlinearities,
    such as GELU, have their plain gradient, and a note names them. A network that never calls a ReLU is refused.

    Returns:
        Signed gradients ``(M, N, C, T, H, W)``.
    """
    return input_gradients(p, ReplacedReLU(_Guided, "guided backprop"))


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, top: float) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward((value > 0) & (value < top))
        return value.clamp(0, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        (rising,) = ctx.saved_tensors
        return None if gradients[0] is None else gradients[0].clamp(min=0) * rising, None
