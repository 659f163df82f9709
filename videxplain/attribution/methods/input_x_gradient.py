"""Input x gradient: what each pixel contributes, to first order."""

from videxplain.attribution.methods.input_gradients import COST, input_gradients
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "input-x-gradient",
    family="gradient",
    summary="what each pixel contributes to the score, to first order",
    paper="Shrikumar et al., arXiv 1605.01713, 2016",
    cost=COST,
    candidates=1,
)
def input_x_gradient(p: Pass) -> Attribution:
    """The gradient times the normalised input, signed, ``(M, N, C, T, H, W)``."""
    gradients = input_gradients(p)
    return Attribution(gradients.logits, gradients.maps * p.x.detach())
