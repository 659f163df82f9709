"""Frame occlusion: how much the score falls when a whole frame is hidden."""

from collections.abc import Iterator

import torch
from torch import Tensor

from videxplain.attribution.methods.hidden_parts import FILL, fall_of_scores
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.fills import Fill, Filler


@register_method(
    "frame-occlusion",
    family="perturbation",
    summary="how much the score falls when a frame is hidden: when, not where",
    paper="Zeiler and Fergus, ECCV 2014, with boxes of whole frames",
    cost="1 forward pass, and 1 for each frame",
    candidates=5,
    options=(FILL,),
)
def frame_occlusion(p: Pass, fill: Fill = "mean") -> Attribution:
    """The fall of the score when a whole frame is hidden, one frame at a time.

    With ``fill="freeze"`` a frame is replaced by the one before it, so that the fall is owed to movement alone.

    Returns:
        Signed maps ``(M, N, T, 1, 1)``.
    """

    def hidden(sample: Tensor) -> Iterator[Tensor]:
        without = Filler(sample, fill)
        frames = torch.arange(sample.shape[2], device=p.x.device)[:, None, None].expand(sample.shape[2:])
        for t in range(sample.shape[2]):
            yield without(frames == t)

    return fall_of_scores(p, hidden, lambda falls: falls[:, None, None])
