"""Selective relevance: input x gradient where it changes in time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.methods.input_gradients import COST, input_gradients
from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "selective-relevance",
    family="gradient",
    summary="input x gradient, where it changes from frame to frame",
    paper="Hiley et al., arXiv 2003.14285, 2020",
    cost=COST,
    candidates=1,
    options=(
        Option("threshold", float, 1.0, "How many standard deviations of the change count as movement.", minimum=0),
    ),
)
def selective_relevance(p: Pass, threshold: float = 1.0) -> Attribution:
    """The gradient times the input, without everything that stays the same in time.

    The derivative in time is that of a Sobel filter along the frames of the sum over channels. Where its size is not
    above ``threshold`` standard deviations of all of it, relevance is set to zero.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``.
    """
    gradients = input_gradients(p)
    relevance = gradients.maps * p.x.detach()
    change = sobel_in_time(relevance.sum(2))
    spread = change.flatten(2).std(-1)[..., None, None, None]
    return Attribution(gradients.logits, relevance * (change.abs() > threshold * spread)[:, :, None])


def sobel_in_time(values: Tensor) -> Tensor:
    """Sobel's derivative of ``(..., T, H, W)`` in time: differences in time, smoothed (1, 2, 1) in rows and columns.

    Frames and pixels at the borders are repeated.
    """
    shape = values.shape
    padded = F.pad(values.reshape(-1, 1, *shape[-3:]), (1, 1, 1, 1, 1, 1), mode="replicate")
    step = torch.tensor([-1.0, 0, 1], device=values.device)
    smooth = torch.tensor([1.0, 2, 1], device=values.device)
    kernel = step[:, None, None] * smooth[:, None] * smooth
    return F.conv3d(padded, kernel[None, None].to(values)).reshape(shape)
