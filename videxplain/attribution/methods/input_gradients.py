"""Gradients of the scores with respect to the pixels; the methods of one backward pass share this."""

from contextlib import nullcontext

import torch

from videxplain.attribution.methods.relu_rules import ReplacedReLU, rounds
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.traceable import check_not_cut, not_traced, traced_back
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
        notes = relus.check_seen(p.module, logits) if relus else ()
        scores = p.scores(logits)
        totals = [score(logits).sum() for score in scores]
        if not all(total.requires_grad for total in totals):
            raise not_traced("the input", logits, p.logits_with_noise)
        maps = []
        for i, total in enumerate(totals):
            with traced_back():
                found = torch.autograd.grad(total, pixels, retain_graph=i < len(totals) - 1, allow_unused=True)
            maps.append(torch.zeros_like(pixels) if found[0] is None else found[0])
            # A rule for ReLUs may let nothing through, but it lets through that there is no gradient.
            if found[0] is None or not (relus or any(bool(one.any()) for one in maps)):
                check_not_cut("the input", p.change_of(scores[i], logits), logits)
    if relus and rounds(logits) and not any(bool(one.any()) for one in maps):
        input_gradients(p)  # nothing came through: was it the rule, or is there no gradient either?
    return Attribution(logits.detach(), torch.stack(maps).float(), notes=notes)
