"""Saliency: the size of the gradient with respect to the pixels."""

from videxplain.attribution.methods.input_gradients import COST, input_gradients
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "saliency",
    family="gradient",
    summary="how much the score changes when a pixel changes a little",
    paper="Simonyan et al., ICLR workshop 2014",
    cost=COST,
    candidates=1,
)
def saliency(p: Pass) -> Attribution:
    """The size of the gradient (Simonyan et al., section 3.1), ``(M, N, C, T, H, W)``, never negative."""
    gradients = input_gradients(p)
    return Attribution(gradients.logits, gradients.maps.abs())
