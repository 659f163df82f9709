"""Gradients of the scores with respect to the pixels; the methods of one backward pass share this."""

from contextlib import nullcontext

import torch

from videxplain.attribution.methods.relu_rules import ReplacedReLU
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.errors import VidexplainError
from videxplain.untouched import untouched

COST = "1 forward and 1 backward pass"


def input_gradients(p: Pass, relus: ReplacedReLU | None = None) -> Attribution:
    """Signed gradients ``(M, N, C, T, H, W)`` of the chosen scores, one pass forward and M back.

    Args:
        p: The pass.
        relus: What takes the place of every ReLU. A network that calls none is then refused.
    """
    with untouched(p.module), relus or nullcontext():
        pixels = (p.x.clone() if p.x.is_inference() else p.x.detach()).requires_grad_()
        logits = p.logits(pixels)
        if relus:
            relus.check_seen(p.module)
        totals = [score(logits).sum() for score in p.scores(logits)]
        if not all(total.requires_grad for total in totals):
            raise VidexplainError("the score does not depend on the input: nothing can be traced back to it")
        maps = []
        for i, total in enumerate(totals):
            (gradient,) = torch.autograd.grad(total, pixels, retain_graph=i < len(totals) - 1)
            maps.append(gradient)
        return Attribution(logits.detach(), torch.stack(maps))
