"""The parts of Grad-CAM's evidence that need movement, and that are there in a still picture."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from videxplain.attribution.methods.gradcam import gradcam, weighted_map
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.targets import Score, score_versions

_COST = "1 forward pass, and 1 for each time step of the layer"
_PAPER = "after Hiley et al., arXiv 2003.14285, 2020, on Selvaraju et al., ICCV 2017"


@register_method(
    "motion",
    family="cam",
    summary="the evidence of Grad-CAM that vanishes when the clip is frozen",
    paper=_PAPER,
    cost=_COST,
    layer="last",
    candidates=1,
)
def motion(p: Pass) -> Attribution:
    """What a Grad-CAM map has beyond that of the same picture standing still, ``relu(cam - still)``.

    For each time step of the layer, the frame in the middle of the step is repeated through the whole clip, and
    Grad-CAM of that clip is taken at this step. A network that answers to differences of frames alone has all its
    evidence here. A network that averages over frames has none.

    Returns:
        Maps ``(M, N, t, h, w)``, never negative. They and those of :func:`appearance` add up to Grad-CAM's.
    """
    return _part(p, lambda whole, still: (whole - still).relu())


@register_method(
    "appearance",
    family="cam",
    summary="the evidence of Grad-CAM that remains when the clip is frozen",
    paper=_PAPER,
    cost=_COST,
    layer="last",
    candidates=1,
)
def appearance(p: Pass) -> Attribution:
    """The rest, ``min(cam, still)``; see :func:`motion`."""
    return _part(p, torch.minimum)


def _part(p: Pass, part: Callable[[Tensor, Tensor], Tensor]) -> Attribution:
    whole = weighted_map(gradcam, p)
    moved = [_elsewhere(score, whole.logits) for score in p.scores(whole.logits)]
    steps, frames = whole.maps.shape[2], p.x.shape[2]
    still = []
    for step in range(steps):
        middle = int((step + 0.5) * frames / steps)
        clip = p.x[:, :, middle : middle + 1].expand_as(p.x).contiguous()
        result = weighted_map(gradcam, replace(p, x=clip, choose=lambda _: moved))
        still.append(result.maps[:, :, step])
    return Attribution(whole.logits, part(whole.maps, torch.stack(still, 2)))


def _elsewhere(score: Score, logits: Tensor) -> Score:
    """A score of the batch for other clips in its place, one sample at a time."""

    def of_others(others: Tensor) -> Tensor:
        return torch.cat([score_versions(score, logits, n, others[n : n + 1]) for n in range(len(others))])

    return of_others
