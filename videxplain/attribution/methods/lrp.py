"""Layer-wise relevance propagation: the score is divided among the pixels, or among the places of a layer."""

import torch

from videxplain.attribution.methods.input_gradients import COST
from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.relevance.composites import COMPOSITES, FIRST, composite_for
from videxplain.attribution.relevance.layer_maps import relevance_at_layer
from videxplain.attribution.relevance.propagation import relevance_of_scores, relevance_pass

OPTIONS = (
    Option(
        "composite",
        str,
        "epsilon-plus-flat",
        "Which rule each kind of layer gets; docs/relevance.md lists the composites.",
        choices=tuple(COMPOSITES),
    ),
    Option(
        "first",
        str,
        None,
        "The rule for layers that see the pixels; by default that of the composite.",
        choices=tuple(FIRST),
    ),
    Option(
        "epsilon",
        float,
        1e-6,
        "The stabiliser of the epsilon rule. A larger one leaves out weak and noisy relevance.",
        minimum=0,
    ),
    Option("gamma", float, 0.25, "The factor of the gamma rule: how much more positive parts count.", minimum=0),
    Option(
        "low", float, None, "The lowest value of a pixel in the z-box rule, as the network sees it; by default black."
    ),
    Option(
        "high", float, None, "The highest value of a pixel in the z-box rule, as the network sees it; by default white."
    ),
)


@register_method(
    "lrp",
    family="relevance",
    summary="the score, divided among the pixels layer by layer",
    paper="Bach et al., PLOS ONE 2015; for attention Achtibat et al., ICML 2024",
    cost=COST,
    layer="input",
    candidates=1,
    options=OPTIONS,
)
def lrp(
    p: Pass,
    composite: str = "epsilon-plus-flat",
    first: str | None = None,
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    low: float | None = None,
    high: float | None = None,
) -> Attribution:
    """Layer-wise relevance propagation of the score, signed.

    The relevance of the pixels adds up to that of the score but for what biases hold and what rules lose:
    :attr:`Attribution.conserved` says how much. :func:`videxplain.relevance` measures it layer by layer.

    Returns:
        Maps ``(M, N, T, H, W)``, the relevance of each pixel, all its channels together. If the pass has a layer,
        ``(M, N, T, h, w)``, the relevance of its output.

    Raises:
        VidexplainError: A step of the network has no rule, or the layer's output cannot be laid over the clip.
    """
    rules = composite_for(p.module, composite, first, epsilon, gamma, low, high)
    if p.layer is not None:
        return relevance_at_layer(p, rules)
    with relevance_pass(p, rules) as run:
        found = relevance_of_scores(p, run)
        maps = torch.stack([one.outputs[0].sum(1) for one in found])
        arrived = maps.flatten(2).double().sum(2)
        begun = torch.stack([one.total.double() for one in found])
        return Attribution(run.logits.detach(), maps, conserved=torch.stack([arrived, begun], -1))
