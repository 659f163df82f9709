"""Attention followed through a network whose frames send each other messages, as those of X-CLIP do.

A layer has two attentions. The first is over frames: it makes a message for each frame out of the first tokens of all.
The second is inside each frame, over its tokens and its message. Behind the layers the first tokens of all frames
attend to each other, and their mean is read.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from videxplain.attribution.attention.token_flow import Step, times
from videxplain.errors import VidexplainError
from videxplain.models.config import TokenLayout


def roll_messages(seen: Sequence[Tensor], form: TokenLayout, samples: int, step: Step) -> Tensor:
    """Maps ``(N, t, h, w)``: what is read in the end, followed back through the layers.

    The skip connection around all the last attentions counts like one around a single attention. The attention by which
    texts look at places is left out: it changes the texts and moves nothing of the video.

    Args:
        seen: The attention of all layers in the order of the pass, heads fused, ``(B, queries, keys)`` each.
        form: How tokens lie.
        samples: N.
        step: How attention and the skip connection around it are put together.

    Raises:
        VidexplainError: The pass showed other attentions than such a network has.
    """
    assert form.grid is not None
    assert form.messages is not None
    t, h, w = form.grid
    tokens = (form.prefix or 0) + h * w
    inside, across = (samples * t, tokens + 1, tokens + 1), (samples, t, t)
    shapes = [tuple(one.shape) for one in seen]
    layers = shapes.count(inside)
    expected = [across, inside] * layers + [across] * form.messages
    if not layers or shapes[: len(expected)] != expected:
        raise VidexplainError(
            "the attention of this network is not that of frames that send each other messages; use gradcam"
        )
    even = seen[0].new_full((samples, t), 1 / t)
    first = even
    for attention in reversed(seen[2 * layers : len(expected)]):
        first = step(first, times(first, attention))
    first = step(even, first)
    row = torch.cat([first[..., None], first.new_zeros(samples, t, tokens)], 2).flatten(0, 1)  # the message is last
    for layer in reversed(range(layers)):
        row = step(row, times(row, seen[2 * layer + 1]))
        message = row[:, -1].unflatten(0, (samples, t))
        made_of = step(message, times(message, seen[2 * layer])).flatten()
        row = torch.cat([(row[:, 0] + made_of)[:, None], row[:, 1:-1], torch.zeros_like(row[:, -1:])], 1)
    return row[:, form.prefix : -1].reshape(samples, t, h, w)
