"""Attention through frames that send each other messages (X-CLIP), word for word: whole matrices over all tokens.

A clip has t frames of 1 + p tokens, the first of which is its class token. Matrices have the tokens frame by frame.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def rollout(seen: Sequence[Tensor], layers: int, last: int, sample: int, t: int, p: int) -> Tensor:
    """Abnar and Zuidema's rule. ``seen`` is attention in the order of the pass, heads averaged."""
    return _flow(seen, layers, last, sample, t, p, lambda a, same: (a + same) / 2)


def relevance(seen: Sequence[Tensor], layers: int, last: int, sample: int, t: int, p: int) -> Tensor:
    """Chefer et al.'s rule. ``seen`` is the positive part of attention times its gradient, heads averaged."""
    return _flow(seen, layers, last, sample, t, p, lambda a, same: a + same)


def _flow(
    seen: Sequence[Tensor], layers: int, last: int, sample: int, t: int, p: int, put: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    size = 1 + p
    flow = torch.eye(t * size)
    for layer in range(layers):
        across, inside = seen[2 * layer][sample], seen[2 * layer + 1][sample * t : (sample + 1) * t]
        messages = put(across, torch.eye(t))  # of which class tokens each message is made
        moved = torch.zeros(t * size, t * size)
        for frame in range(t):
            for i in range(size):
                row = put(inside[frame, i], torch.eye(size + 1)[i])
                for j in range(size):
                    moved[frame * size + i, frame * size + j] += row[j]
                for other in range(t):
                    moved[frame * size + i, other * size] += row[size] * messages[frame, other]
        flow = moved @ flow
    integrated = torch.eye(t)
    for one in seen[2 * layers : 2 * layers + last]:
        integrated = put(one[sample], torch.eye(t)) @ integrated
    integrated = put(integrated, torch.eye(t))
    read = torch.zeros(t * size)
    for frame in range(t):
        read[frame * size] = integrated[:, frame].mean()
    places = (read @ flow).view(t, size)[:, 1:]
    return places.reshape(-1)
